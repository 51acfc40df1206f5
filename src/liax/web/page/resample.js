// Squares cut out of pictures and scaled as Pillow does it, to the same levels (liax/face/crop.py).
// Pixels are RGBA bytes of an ImageData, squares RGB bytes without gaps.

const FILTERS = {
  bicubic: {support: 2, at: x => {
    x = Math.abs(x);
    if (x < 1) return (1.5 * x - 2.5) * x * x + 1;
    return x < 2 ? ((-0.5 * x + 2.5) * x - 4) * x + 2 : 0;
  }},
  bilinear: {support: 1, at: x => Math.max(0, 1 - Math.abs(x))},
};

// For each place of a row of `size`: the first place that it is made of, and the weights of that and the next ones.
function taps(length, from, to, size, filter) {
  const scale = (to - from) / size, wide = Math.max(1, scale), support = filter.support * wide;
  return Array.from({length: size}, (_, i) => {
    const centre = from + (i + 0.5) * scale;
    const first = Math.max(0, Math.trunc(centre - support + 0.5));
    const end = Math.min(length, Math.trunc(centre + support + 0.5));
    const weights = Float64Array.from({length: end - first}, (_, k) => filter.at((first + k - centre + 0.5) / wide));
    const sum = weights.reduce((a, b) => a + b, 0);
    return {first, weights: weights.map(weight => weight / sum)};
  });
}

// Beyond the picture's edge is its mirror image.
function mirrored(place, length) {
  const at = ((place % (2 * length)) + 2 * length) % (2 * length);
  return Math.min(at, 2 * length - 1 - at);
}

// Part of a picture, scaled: `channels` of every `stride` bytes.
function scaled(bytes, stride, channels, width, height, box, outWidth, outHeight, filter) {
  const [left, top, right, bottom] = box;
  const x0 = Math.floor(left), y0 = Math.floor(top);
  const windowWidth = Math.ceil(right) - x0, windowHeight = Math.ceil(bottom) - y0;
  const across = taps(windowWidth, left - x0, right - x0, outWidth, filter);
  const down = taps(windowHeight, top - y0, bottom - y0, outHeight, filter);
  const columns = Int32Array.from({length: windowWidth}, (_, x) => stride * mirrored(x0 + x, width));
  const rows = new Uint8ClampedArray(windowHeight * outWidth * channels); // rounds as it is filled
  for (let y = 0, at = 0; y < windowHeight; y++) {
    const start = stride * width * mirrored(y0 + y, height);
    for (const {first, weights} of across)
      for (let c = 0; c < channels; c++) {
        let sum = 0;
        for (let k = 0; k < weights.length; k++) sum += weights[k] * bytes[start + columns[first + k] + c];
        rows[at++] = sum;
      }
  }
  const out = new Uint8ClampedArray(outHeight * outWidth * channels), row = outWidth * channels;
  for (let y = 0, at = 0; y < outHeight; y++) {
    const {first, weights} = down[y];
    for (let x = 0; x < row; x++) {
      let sum = 0;
      for (let k = 0, from = first * row + x; k < weights.length; k++, from += row) sum += weights[k] * rows[from];
      out[at++] = sum;
    }
  }
  return out;
}

// The square {left, top, side} of a picture, of `size` pixels a side.
export function squareOf({data, width, height}, {left, top, side}, size) {
  return scaled(data, 4, 3, width, height, [left, top, left + side, top + side], size, size, FILTERS.bicubic);
}

// A square of another size.
export function resized(square, from, size) {
  return from === size ? square : scaled(square, 3, 3, from, from, [0, 0, from, from], size, size, FILTERS.bicubic);
}

// What the mark's network sees of a picture: luma in levels, of `size` pixels a side.
export function lumaOf({data, width, height}, size) {
  const luma = new Uint8Array(width * height);
  for (let i = 0, at = 0; i < luma.length; i++, at += 4)
    luma[i] = (19595 * data[at] + 38470 * data[at + 1] + 7471 * data[at + 2] + 0x8000) >> 16;
  return Float32Array.from(scaled(luma, 1, 1, width, height, [0, 0, width, height], size, size, FILTERS.bilinear));
}

export function flipped(square, size) {
  const out = new Uint8ClampedArray(square.length);
  for (let y = 0; y < size; y++)
    for (let x = 0; x < size; x++)
      for (let c = 0; c < 3; c++) out[3 * (y * size + x) + c] = square[3 * (y * size + size - 1 - x) + c];
  return out;
}

// A square as the network takes it: planes from -1 to 1.
export function planes(square) {
  const area = square.length / 3, out = new Float32Array(square.length);
  for (let c = 0; c < 3; c++) for (let i = 0; i < area; i++) out[c * area + i] = square[3 * i + c] / 127.5 - 1;
  return out;
}

// What the network draws, planes of `size` pixels a side, as an ImageData; of it only the part [left, top, right, bottom].
export function picture(drawn, size, [left, top, right, bottom] = [0, 0, size, size]) {
  const shown = new ImageData(right - left, bottom - top), area = size * size;
  for (let y = top, at = 0; y < bottom; y++)
    for (let x = left; x < right; x++, at += 4) {
      const from = y * size + x;
      for (let c = 0; c < 3; c++) shown.data[at + c] = (drawn[from + c * area] + 1) * 127.5;
      shown.data[at + 3] = 255;
    }
  return shown;
}

// A square as an ImageData.
export function shownSquare(square, size) {
  const shown = new ImageData(size, size);
  for (let i = 0, at = 0; at < square.length; i += 4, at += 3) {
    shown.data.set(square.subarray(at, at + 3), i);
    shown.data[i + 3] = 255;
  }
  return shown;
}
