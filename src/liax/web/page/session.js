// A portrait that follows a face: liax/live/session.py and camera_face.py, with sliders on top.

import {inTurn} from "./answers.js";
import {cropFor, fits, realPart} from "./crop.js";
import {OneEuroFilter, Transfer, plus} from "./motion.js";
import {Trouble} from "./words.js";

const LOOK_SECONDS = 0.2; // between looks while the face is there
const MISSES = 2; // looks without the face after which it counts as gone
const UPRIGHT = 25; // degrees that a head may lean

export class Session {
  // Workers: the network's, the landmarker's, and the one that cuts frames.
  constructor(network, faces, frames, card, facts) {
    Object.assign(this, {network, faces, frames, card, facts});
    Object.assign(this, {seeing: inTurn(), reading: inTurn(), drawing: inTurn()});
    this.options = {strength: 1, smoothing: 0.5, mirror: true};
    this.settings = {};
    this.part = null;
    this.forget();
  }

  // Let another camera or clip begin.
  forget() {
    this.origin = {}; // of the frames to come
    Object.assign(this, {size: "", crop: null, box: null, seen: false, looked: -Infinity, missed: 0, next: null, looking: null, trouble: null});
    Object.assign(this, {smoother: null, reference: null, wantsNeutral: true, readMirrored: null, time: -Infinity, alpha: null});
  }

  // Open a portrait, an ImageData.
  async open(shown) {
    const {crop: about, drawn_side: side} = this.card.pictures, {width, height} = shown;
    const bitmap = await createImageBitmap(shown);
    const faces = await this.faces.call("find", [bitmap], [bitmap]);
    if (!faces.length) throw new Trouble("noFace");
    if (Math.abs(faces[0].lean) > UPRIGHT) throw new Trouble("leaning", Math.round(faces[0].lean));
    const crop = cropFor(faces[0].box, width, height, about), part = realPart(crop, width, height, side);
    const {alpha, square} = await this.network.call("portrait", [shown, crop, part]);
    const [face] = await this.faces.call("measure", [square]);
    this.transfer = new Transfer(alpha, face ? pose(face, side, about) : {}, this.card, this.facts.head);
    this.part = part;
    this.portrait = {crop, faces: faces.length};
    this.forget();
    return {width: part[2] - part[0], height: part[3] - part[1], others: faces.length - 1, cut: part[2] - part[0] < side || part[3] - part[1] < side};
  }

  setNeutral() {
    this.wantsNeutral = true;
  }

  // The portrait as a frame moves it, an ImageData; null where no face is seen. With `patient`, looks are waited for.
  // The next frame may be given already: it is cut out and read while this one is drawn.
  async step(bitmap, seconds, patient = false) {
    const {origin} = this, isWanted = () => origin === this.origin;
    const seen = await this.seeing(() => this.see(bitmap, seconds, patient, isWanted));
    const alpha = seen && (await this.reading(() => (isWanted() ? this.read(seen, isWanted) : null)));
    return alpha && this.drawing(() => (isWanted() ? this.draw(alpha) : null));
  }

  // What the network is to see of a frame; null where no face is seen.
  async see(bitmap, seconds, patient, isWanted) {
    if (this.trouble) throw this.trouble;
    const size = `${bitmap.width} ${bitmap.height}`;
    if (!isWanted() || seconds <= this.time) return bitmap.close(), null;
    if (size !== this.size) Object.assign(this, {size, crop: null, seen: false, next: null});
    const {width, height} = bitmap;
    if (!this.looking && (!this.seen || seconds - this.looked >= LOOK_SECONDS)) {
      const copy = await createImageBitmap(bitmap);
      this.looked = seconds;
      this.looking = this.look(copy, width, height).finally(() => (this.looking = null));
      if (patient || !this.seen) await this.looking;
      else this.looking.catch(error => (this.trouble = error));
    }
    const {crop, next} = this, {mirror} = this.options;
    if (!isWanted() || !this.seen || !(crop ?? next)) return bitmap.close(), null;
    Object.assign(this, {time: seconds, crop: next ?? crop, next: null});
    // Where the square moves, the same face is read in both.
    const crops = crop && next ? [crop, next] : [this.crop];
    const squares = await this.frames.call("cut", [bitmap, crops, mirror], [bitmap]);
    return {squares, mirror, seconds};
  }

  async look(copy, width, height) {
    const box = await this.faces.call("follow", [copy, this.seen ? this.box : null], [copy]);
    if (!box) {
      this.missed++;
      this.seen = this.seen && this.missed < MISSES;
      return;
    }
    Object.assign(this, {missed: 0, seen: true, box});
    const about = this.card.pictures.crop;
    if (!(this.crop && fits(box, this.crop, about.face_size))) this.next = cropFor(box, width, height, about);
  }

  // The coefficients to draw the portrait with, as what is seen moves it.
  async read({squares, mirror, seconds}, isWanted) {
    const {strength, smoothing} = this.options;
    const alphas = await this.network.call("read", [squares], [squares.buffer]), alpha = alphas.at(-1);
    if (!isWanted()) return null;
    if (alphas.length > 1) this.shift(plus(alpha, alphas[0], -1));
    if (this.readMirrored !== null && this.readMirrored !== mirror) Object.assign(this, {smoother: null, wantsNeutral: true});
    this.readMirrored = mirror;
    if (!this.smoother) this.smoother = new OneEuroFilter(seconds, alpha, smoothing);
    else {
      this.smoother.amount = smoothing;
      this.smoother.add(seconds, alpha);
    }
    const {smooth} = this.smoother;
    if (!this.reference || this.wantsNeutral) Object.assign(this, {reference: smooth, wantsNeutral: false});
    return this.transfer.moved(smooth, this.reference, strength, this.transfer.edit(this.settings));
  }

  // The reference moves with the square, so that the portrait does not jump.
  shift(by) {
    if (!this.reference || !this.smoother) return;
    this.reference = plus(this.reference, by);
    this.smoother.shift(by);
  }

  // The portrait with these coefficients, or as the sliders alone move it.
  draw(alpha = null) {
    this.alpha = alpha;
    return this.network.call("draw", [alpha ?? this.still(), alpha === null]);
  }

  // The coefficients as the sliders alone move them.
  still() {
    return plus(this.transfer.source, this.transfer.edit(this.settings));
  }
}

// A head's pose as the controls of the head measure it, in a square of `side` pixels.
function pose({box, yaw, pitch, roll}, side, {face_size: faceSize, face_centre: [cx, cy]}) {
  const length = Math.max(box[2] - box[0], box[3] - box[1], 1);
  return {
    yaw, pitch, roll,
    x: (box[0] + box[2]) / 2 / side - cx,
    y: (box[1] + box[3]) / 2 / side - cy,
    size: Math.log(length / side / faceSize),
  };
}
