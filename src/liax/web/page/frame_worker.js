// Squares of the camera's frames, cut out in a thread of their own, while the network draws.

import {answer} from "./answers.js";
import {flipped, planes, squareOf} from "./resample.js";

let canvas, context, side;

function pixelsOf(bitmap) {
  const {width, height} = bitmap;
  if (!canvas || canvas.width !== width || canvas.height !== height) {
    canvas = new OffscreenCanvas(width, height);
    context = canvas.getContext("2d", {willReadFrequently: true});
  }
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  return context.getImageData(0, 0, width, height);
}

answer({
  open(seenSide) {
    side = seenSide;
  },

  // What the network is to see of a frame: a square for each crop, one after the other.
  cut(bitmap, crops, mirror) {
    const frame = pixelsOf(bitmap), all = new Float32Array(crops.length * 3 * side * side);
    crops.forEach((crop, i) => {
      const square = squareOf(frame, crop, side);
      all.set(planes(mirror ? flipped(square, side) : square), i * 3 * side * side);
    });
    return all;
  },
});
