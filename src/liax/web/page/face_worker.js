// Finds faces with MediaPipe's landmarker, in a thread of its own: liax/face/find.py and landmarks.py.

import {answer} from "./answers.js";
import {overlap} from "./crop.js";

const LONGEST = 1024; // of what the landmarker is given
const NEIGHBOURHOOD = 3; // times a face's box, in which it is looked for again
const SMALLEST_PART = 128;
const SURROUNDINGS = [4, 2]; // times a face's box, in which it is measured
const LEAST_SHARED = 0.2, SAME_FACE = 0.5;

let landmarker;
const canvas = new OffscreenCanvas(1, 1);
const file = name => new URL(name, import.meta.url).href;

// All faces in a box of a picture, largest first, in the picture's pixels; beyond the picture it is black.
function findIn(shown, [left, top, right, bottom]) {
  [left, top] = [Math.trunc(left), Math.trunc(top)];
  const wide = Math.max(1, Math.trunc(right) - left), high = Math.max(1, Math.trunc(bottom) - top);
  const scale = Math.min(1, LONGEST / Math.max(wide, high));
  Object.assign(canvas, {width: Math.max(1, Math.round(wide * scale)), height: Math.max(1, Math.round(high * scale))});
  const context = canvas.getContext("2d", {willReadFrequently: true});
  context.imageSmoothingQuality = "high";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(shown, -left * scale, -top * scale, shown.width * scale, shown.height * scale);
  const found = landmarker.detect(context.getImageData(0, 0, canvas.width, canvas.height));
  return found.faceLandmarks
    .map((points, i) => {
      const xs = points.map(point => left + (point.x * canvas.width) / scale);
      const ys = points.map(point => top + (point.y * canvas.height) / scale);
      const box = [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)];
      return {box, ...angles(found.facialTransformationMatrixes[i].data)};
    })
    .sort((a, b) => area(b.box) - area(a.box));
}

const area = box => (box[2] - box[0]) * (box[3] - box[1]);

// The head's rotation in degrees, of a matrix by columns; `lean` is how far its upward axis leans in the picture.
function angles(m) {
  const at = (row, column) => m[4 * column + row];
  const length = column => Math.hypot(at(0, column), at(1, column), at(2, column));
  const turned = (row, column) => at(row, column) / length(column), degrees = angle => (angle * 180) / Math.PI;
  return {
    yaw: degrees(Math.atan2(turned(0, 2), turned(2, 2))),
    pitch: degrees(Math.asin(Math.min(1, Math.max(-1, -turned(1, 2))))),
    roll: degrees(Math.atan2(turned(1, 0), turned(1, 1))),
    lean: degrees(Math.atan2(-at(0, 1), at(1, 1))),
  };
}

// Faces also if they are small in the picture, or fill it.
function search(shown) {
  const {width, height} = shown;
  let faces = findIn(shown, [0, 0, width, height]);
  if (!faces.length) faces = findIn(shown, [-width / 3, -height / 3, (width * 4) / 3, (height * 4) / 3]);
  for (const parts of [2, 4]) {
    const side = Math.max(width, height) / parts;
    if (faces.length || side < SMALLEST_PART) break;
    for (const y of starts(height, side))
      for (const x of starts(width, side)) faces.push(...findIn(shown, [x, y, x + side, y + side]));
    faces.sort((a, b) => area(b.box) - area(a.box));
  }
  return faces;
}

// The square about a box's centre whose side is `factor` times the box's longer side.
function around(box, factor) {
  const [x, y] = [(box[0] + box[2]) / 2, (box[1] + box[3]) / 2];
  const reach = (factor / 2) * Math.max(box[2] - box[0], box[3] - box[1]);
  return [x - reach, y - reach, x + reach, y + reach];
}

// A face as it is measured in its surroundings.
function measured(shown, face) {
  for (const factor of SURROUNDINGS)
    for (const found of findIn(shown, around(face.box, factor))) if (overlap(found.box, face.box) > SAME_FACE) return found;
  return face;
}

// Where overlapping parts of a length begin.
function starts(length, side) {
  const rest = Math.max(0, length - side), count = Math.ceil((2 * rest) / side) + 1;
  return Array.from({length: count}, (_, i) => (count === 1 ? 0 : (rest * i) / (count - 1)));
}

answer({
  async open() {
    const {FaceLandmarker} = await import("./vision_bundle.mjs");
    const response = await fetch(file("face_landmarker.task"));
    if (!response.ok) throw new Error(`face_landmarker.task cannot be loaded (${response.status})`);
    const runtime = {
      wasmLoaderPath: file("vision_wasm_module_internal.js"),
      wasmBinaryPath: file("vision_wasm_module_internal.wasm"),
    };
    landmarker = await FaceLandmarker.createFromOptions(runtime, {
      baseOptions: {modelAssetBuffer: new Uint8Array(await response.arrayBuffer()), delegate: "CPU"},
      canvas: new OffscreenCanvas(1, 1),
      outputFacialTransformationMatrixes: true,
      numFaces: 8,
      runningMode: "IMAGE",
    });
  },

  // All faces of a portrait, largest first.
  find(bitmap) {
    const [first, ...others] = search(bitmap);
    const faces = first ? [measured(bitmap, first), ...others] : [];
    bitmap.close();
    return faces;
  },

  // The faces of a square that shows one.
  measure(shown) {
    Object.assign(canvas, {width: shown.width, height: shown.height});
    canvas.getContext("2d", {willReadFrequently: true}).putImageData(shown, 0, 0);
    const square = canvas.transferToImageBitmap();
    const faces = findIn(square, [0, 0, square.width, square.height]);
    square.close();
    return faces;
  },

  // The face of a frame that continues the one at `last`, or the largest where there is no last one; null where it is gone.
  follow(bitmap, last) {
    let found;
    if (!last) {
      [found] = search(bitmap);
      found &&= measured(bitmap, found);
    } else {
      let faces = findIn(bitmap, around(last, NEIGHBOURHOOD));
      if (!faces.length) faces = findIn(bitmap, [0, 0, bitmap.width, bitmap.height]);
      [found] = faces
        .filter(face => overlap(face.box, last) > LEAST_SHARED)
        .sort((a, b) => overlap(b.box, last) - overlap(a.box, last));
    }
    bitmap.close();
    return found?.box ?? null;
  },
});
