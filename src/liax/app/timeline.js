() => {
  // "Animate": the driving's curves over time, and what is done to each. The server computes the edited curves.
  const SEND = 200; // milliseconds without a change until the server is told
  const make = (tag, values, ...children) => {
    const element = Object.assign(document.createElement(tag), values);
    element.append(...children);
    return element;
  };
  const draw = (tag, values) => {
    const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(values)) element.setAttribute(name, value);
    return element;
  };

  let motion = null; // seconds, curves and pictures
  let edits = {}; // curve's name -> scale, mute, smooth, keys
  let now = {}; // curve's name -> amounts as edited
  let rows = []; // one for each curve
  let sending = 0;
  const root = () => document.getElementById("liax-timeline");
  const playhead = () => document.querySelector("#liax-playhead input[type=number]");
  const time = () => Number(playhead()?.value ?? 0);
  const last = () => motion.seconds.at(-1) || 1;
  const seek = seconds => {
    const field = playhead();
    field.value = Math.min(Math.max(seconds, 0), last()).toFixed(2);
    field.dispatchEvent(new Event("input", {bubbles: true}));
  };
  // What is done to the curves stays over a reload of the page.
  const KEPT = "liax-timeline";
  const kept = () => JSON.parse(sessionStorage.getItem(KEPT) ?? "null");
  const send = () => {
    clearTimeout(sending);
    sending = setTimeout(() => document.getElementById("liax-apply-edits").click(), SEND);
  };

  // What is shown of a curve: its control's range, or more where it goes beyond.
  const scaleOf = curve => {
    const amounts = [...curve.was, ...(now[curve.name] ?? []), ...edits[curve.name].keys.map(key => key[1])];
    const low = Math.min(curve.low, ...amounts), high = Math.max(curve.high, ...amounts);
    return {low, high, y: amount => (100 * (high - amount)) / (high - low)};
  };
  const path = (curve, amounts, y) =>
    "M" + motion.seconds.map((seconds, i) => `${((1000 * seconds) / last()).toFixed(1)} ${y(amounts[i]).toFixed(2)}`).join("L");
  const amountAt = (curve, seconds) => {
    const amounts = now[curve.name] ?? curve.was;
    let i = motion.seconds.findIndex(each => each >= seconds);
    if (i < 0) i = motion.seconds.length - 1;
    return amounts[i];
  };
  const rounded = (curve, amount) => Number(amount.toFixed(curve.high - curve.low > 10 ? 1 : 3));

  const rowOf = curve => {
    const edit = edits[curve.name];
    const number = (label, name, max, step) => {
      const field = make("input", {type: "number", min: 0, max, step, value: edit[name]});
      field.setAttribute("aria-label", `${label}: ${curve.label}`);
      field.addEventListener("change", () => { edit[name] = Number(field.value); send(); });
      return make("label", {textContent: `${label} `}, field);
    };
    const mute = make("input", {type: "checkbox", checked: edit.mute});
    mute.setAttribute("aria-label", `Mute: ${curve.label}`);
    mute.addEventListener("change", () => { edit.mute = mute.checked; send(); });
    const add = make("button", {type: "button", className: "liax-add-key", textContent: "Add a key"});
    add.setAttribute("aria-label", `Add a key: ${curve.label}`);
    add.addEventListener("click", () => {
      const seconds = Number(time().toFixed(2));
      if (edit.keys.some(key => key[0] === seconds)) return;
      const key = [seconds, rounded(curve, amountAt(curve, seconds))];
      edit.keys.push(key);
      send();
      show();
      row.keys.find(dot => dot.key === key)?.element.focus();
    });
    const head = make("div", {className: "liax-curve-head"}, make("b", {textContent: curve.label}),
      make("label", {textContent: "Mute "}, mute), number("Scale", "scale", 3, 0.1), number("Smooth (s)", "smooth", 2, 0.05), add);
    const svg = draw("svg", {viewBox: "0 0 1000 100", preserveAspectRatio: "none", role: "img", "aria-label": `${curve.label} over time`});
    const zero = draw("line", {class: "liax-zero", x1: 0, x2: 1000}), line = draw("line", {class: "liax-now", y1: 0, y2: 100});
    const before = draw("path", {class: "liax-was"}), after = draw("path", {class: "liax-is"});
    svg.append(zero, before, after, line);
    const lane = make("div", {className: "liax-lane"}, svg);
    const scrub = event => {
      const frame = lane.getBoundingClientRect();
      seek((last() * (event.clientX - frame.left)) / frame.width);
    };
    svg.addEventListener("pointerdown", event => { svg.setPointerCapture(event.pointerId); scrub(event); });
    svg.addEventListener("pointermove", event => svg.hasPointerCapture(event.pointerId) && scrub(event));
    const section = make("section", {className: "liax-curve"}, head, lane);
    section.setAttribute("aria-label", curve.label);
    const row = {curve, section, lane, zero, before, after, line, keys: []};
    return row;
  };

  // A key: dragged, moved by arrow keys, removed by Delete.
  const dotOf = (row, key) => {
    const {curve, lane} = row;
    const dot = make("button", {type: "button", className: "liax-key"});
    const move = (seconds, amount) => {
      const room = curve.high - curve.low;
      key[0] = Number(Math.min(Math.max(seconds, 0), last()).toFixed(2));
      key[1] = rounded(curve, Math.min(Math.max(amount, curve.low - room), curve.high + room));
      send();
      show();
    };
    let frozen = null; // the scale while it is dragged
    dot.addEventListener("pointerdown", event => {
      dot.setPointerCapture(event.pointerId);
      frozen = scaleOf(curve);
    });
    dot.addEventListener("pointermove", event => {
      if (!dot.hasPointerCapture(event.pointerId)) return;
      const frame = lane.getBoundingClientRect();
      move((last() * (event.clientX - frame.left)) / frame.width,
        frozen.high - ((event.clientY - frame.top) / frame.height) * (frozen.high - frozen.low));
    });
    dot.addEventListener("keydown", event => {
      const step = (curve.high - curve.low) / 50;
      const by = {ArrowUp: [0, step], ArrowDown: [0, -step], ArrowLeft: [-0.04, 0], ArrowRight: [0.04, 0]}[event.key];
      if (event.key === "Delete" || event.key === "Backspace") {
        edits[curve.name].keys.splice(edits[curve.name].keys.indexOf(key), 1);
        send();
        show();
        row.section.querySelector(".liax-add-key").focus();
      } else if (by) move(key[0] + by[0], key[1] + by[1]);
      else return;
      event.preventDefault();
    });
    lane.append(dot);
    return {key, element: dot};
  };

  const show = () => {
    if (!motion) return;
    const x = (1000 * time()) / last();
    for (const row of rows) {
      const {curve} = row, scale = scaleOf(curve), keys = edits[curve.name].keys;
      row.before.setAttribute("d", path(curve, curve.was, scale.y));
      row.after.setAttribute("d", path(curve, now[curve.name] ?? curve.was, scale.y));
      row.zero.setAttribute("y1", scale.y(0));
      row.zero.setAttribute("y2", scale.y(0));
      row.line.setAttribute("x1", x);
      row.line.setAttribute("x2", x);
      row.keys = row.keys.filter(dot => keys.includes(dot.key) || dot.element.remove());
      for (const key of keys) if (!row.keys.some(dot => dot.key === key)) row.keys.push(dotOf(row, key));
      for (const {key, element} of row.keys) {
        element.style.left = `${(100 * key[0]) / last()}%`;
        element.style.top = `${scale.y(key[1])}%`;
        element.setAttribute("aria-label", `Key of ${curve.label} at ${key[0]} s: ${key[1]}; arrow keys move it, Delete removes it`);
        element.title = `${key[1]} at ${key[0]} s`;
      }
    }
    const picture = root()?.querySelector(".liax-film");
    if (picture && motion.pictures.length) {
      const nearest = motion.pictures.reduce((a, b) => (Math.abs(b[0] - time()) < Math.abs(a[0] - time()) ? b : a));
      if (picture.src !== nearest[1]) picture.src = nearest[1];
      picture.alt = `What was filmed at ${nearest[0].toFixed(1)} s`;
    }
    sessionStorage.setItem(KEPT, JSON.stringify({of: motion.of, edits, at: time()}));
  };
  // After a reload the curves are read anew, once the tab is open.
  let resuming = false;
  const resume = async () => {
    if (!resuming || document.documentElement.dataset.tab !== "animate") return;
    resuming = false;
    document.querySelector("#liax-edit-motion > button")?.click();
    for (let tries = 0; tries < 50; tries++) {
      const read = document.querySelector("#liax-edit-motion .liax-job button");
      if (read) return read.click();
      await new Promise(resolve => setTimeout(resolve, 100));
    }
  };
  addEventListener("liax-kept", event => {
    if (event.detail !== "Animate") return;
    resuming = !!kept();
    resume();
  });
  new MutationObserver(resume).observe(document.documentElement, {attributes: true, attributeFilter: ["data-tab"]});
  // The playhead moves by hand, by key, and when new curves come.
  addEventListener("input", event => event.target.closest?.("#liax-playhead") && setTimeout(show), true);

  Object.assign(window.liax, {
    timeline(text) {
      motion = text ? JSON.parse(text) : null;
      edits = {};
      now = {};
      rows = [];
      const place = root();
      if (!place) return;
      place.replaceChildren();
      if (!motion) return;
      if (motion.pictures.length) place.append(make("img", {className: "liax-film"}));
      const before = kept()?.of === motion.of ? kept() : null;
      for (const {name} of motion.curves) edits[name] = before?.edits[name] ?? {scale: 1, mute: false, smooth: 0, keys: []};
      rows = motion.curves.map(rowOf);
      place.append(...rows.map(row => row.section));
      show();
      if (!before) return;
      send();
      setTimeout(() => seek(before.at), SEND);
    },
    // The driving is another one: new values of all that shows the curves.
    forgetCurves() {
      if (motion) sessionStorage.removeItem(KEPT);
      return ["", "", "", {__type__: "update", visible: false}, 0];
    },
    editedCurves(text) {
      if (text) now = JSON.parse(text);
      show();
    },
    // What is done to the curves, as JSON; nothing where nothing is.
    curveEdits() {
      const done = Object.entries(edits).filter(([, {scale, mute, smooth, keys}]) => scale !== 1 || mute || smooth || keys.length);
      return done.length ? JSON.stringify(Object.fromEntries(done)) : "";
    },
  });
}
