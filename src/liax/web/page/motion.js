// Coefficients from the driving to the portrait: liax/portrait/motion.py, pose.py and edit_vector.py.

const CUTOFF = 1, SPEED_CUTOFF = 1, RESPONSE = 2, LEAST_AMOUNT = 1e-9;

const lowPassShare = (cutoff, seconds) => 1 / (1 + 1 / (2 * Math.PI * cutoff * seconds));
export const plus = (a, b, times = 1) => a.map((value, i) => value + times * b[i]);

// A low-pass whose cutoff rises with speed, so that rest is still and fast motion is not late.
export class OneEuroFilter {
  constructor(time, alpha, amount) {
    Object.assign(this, {time, alpha, amount, speed: alpha.map(() => 0), smooth: Array.from(alpha)});
  }
  add(time, alpha) {
    const seconds = time - this.time, share = lowPassShare(SPEED_CUTOFF, seconds);
    this.smooth = this.smooth.map((smooth, i) => {
      this.speed[i] += share * ((alpha[i] - this.alpha[i]) / seconds - this.speed[i]);
      const cutoff = (CUTOFF + RESPONSE * Math.abs(this.speed[i])) / Math.max(this.amount, LEAST_AMOUNT);
      return smooth + lowPassShare(cutoff, seconds) * (alpha[i] - smooth);
    });
    Object.assign(this, {time, alpha});
  }
  shift(by) {
    this.alpha = plus(this.alpha, by);
    this.smooth = plus(this.smooth, by);
  }
}

// Coefficients stop at their limits, except where those that were seen lie beyond.
function clamped(alpha, reach, ...seen) {
  if (!reach) return alpha;
  return alpha.map((value, i) => {
    const others = seen.map(each => each[i]);
    return Math.min(Math.max(value, Math.min(reach.low[i], ...others)), Math.max(reach.high[i], ...others));
  });
}

// What moves one portrait: its own coefficients and pose, the card's controls and limits, and the facts of the head.
export class Transfer {
  constructor(source, pose, card, head) {
    this.source = source;
    this.pose = pose;
    this.reach = card.motion.reach;
    this.head = head;
    this.controls = new Map(card.controls.map(control => [control.name, control]));
  }

  // Least and greatest change for which both it and the pose that results are in the control's range.
  allowed(control) {
    const own = this.pose[control.name] ?? 0;
    return [Math.min(0, Math.max(control.low, control.low - own)), Math.max(0, Math.min(control.high, control.high - own))];
  }

  // What settings (control -> value) add to the portrait's coefficients.
  edit(settings) {
    const none = this.source.map(() => 0);
    let turns = none, expression = none;
    for (const [name, value] of Object.entries(settings)) {
      const control = this.controls.get(name), posed = this.head.names.includes(name);
      const [low, high] = posed ? this.allowed(control) : [control.low, control.high];
      const change = none.map((_, i) => (control.vectors[i] ?? 0) * Math.min(Math.max(value, low), high));
      if (control.group === "head") turns = plus(turns, change);
      else expression = plus(expression, change);
    }
    const turned = plus(this.source, turns);
    return plus(clamped(plus(turned, expression), this.reach, turned), this.source, -1);
  }

  // The coefficients to draw: a_s + v + strength (a_t − a_ref), with the head held in its range.
  moved(alpha, reference, strength, edit) {
    const still = plus(this.source, edit);
    const moved = clamped(plus(still, plus(alpha, reference, -1), strength), this.reach, still, alpha);
    return plus(this.source, this.held(plus(moved, this.source, -1)));
  }

  held(change) {
    let held = change;
    this.head.names.forEach((name, k) => {
      const amount = this.head.solve[k].reduce((sum, weight, i) => sum + weight * change[i], 0);
      const [low, high] = this.allowed(this.controls.get(name));
      held = plus(held, this.head.directions[k], -(amount - Math.min(Math.max(amount, low), high)));
    });
    return held;
  }
}
