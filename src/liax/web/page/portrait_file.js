// A portrait's file as pixels.

import {Trouble} from "./words.js";

const LARGEST = 30e6; // bytes
const LONGEST_SIDE = 4096, SMALLEST_SIDE = 64; // pixels

export async function readPicture(file) {
  if (file.size > LARGEST) throw new Trouble("largePicture", Math.round(file.size / 1e6));
  const bitmap = await createImageBitmap(file).catch(() => {
    throw new Trouble("noPicture");
  });
  const {width, height} = bitmap, scale = Math.min(1, LONGEST_SIDE / Math.max(width, height));
  if (Math.min(width, height) * scale < SMALLEST_SIDE) throw new Trouble("smallPicture");
  const whole = new OffscreenCanvas(Math.round(width * scale), Math.round(height * scale));
  const into = whole.getContext("2d", {willReadFrequently: true});
  Object.assign(into, {imageSmoothingQuality: "high", fillStyle: "#808080"});
  into.fillRect(0, 0, whole.width, whole.height); // behind what is transparent
  into.drawImage(bitmap, 0, 0, whole.width, whole.height);
  bitmap.close();
  return into.getImageData(0, 0, whole.width, whole.height);
}
