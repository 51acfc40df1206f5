// The invisible mark, drawn into pictures: liax/marking/pixel_mark.py. Its network is mark.onnx.

import {lumaOf} from "./resample.js";

export class Marker {
  constructor(run, about) {
    Object.assign(this, {run, about, drawn: null, frames: 0});
  }

  // Add the mark to an ImageData. A still picture has a mark of its own; of others, one stays for a few.
  async mark(shown, still) {
    const {width, height, data} = shown, {hold, smallest} = this.about;
    if (Math.min(width, height) < smallest) return;
    if (still || !this.drawn || this.frames % hold === 0 || this.drawn.length !== width * height)
      this.drawn = await this.draw(shown);
    this.frames = still ? 0 : this.frames + 1;
    for (let i = 0, at = 0; i < this.drawn.length; i++, at += 4) {
      data[at] += this.drawn[i];
      data[at + 1] += this.drawn[i];
      data[at + 2] += this.drawn[i];
    }
    if (still) this.drawn = null;
  }

  async draw(shown) {
    const {seen, drawn: side} = this.about, {width, height} = shown;
    const small = await this.run(lumaOf(shown, seen), 255 * 10 ** (-this.psnr(Math.min(width, height)) / 20));
    const mark = new Int8Array(width * height), across = places(side, width), down = places(side, height);
    for (let y = 0, at = 0; y < height; y++) {
      const [above, below, v] = down[y];
      for (let x = 0; x < width; x++) {
        const [left, right, u] = across[x];
        const upper = small[above * side + left] * (1 - u) + small[above * side + right] * u;
        const lower = small[below * side + left] * (1 - u) + small[below * side + right] * u;
        mark[at++] = Math.round(upper * (1 - v) + lower * v);
      }
    }
    return mark;
  }

  // How weak the mark is on pictures with this shorter side, in dB.
  psnr(side) {
    const known = Object.entries(this.about.psnr_of_side).map(([at, psnr]) => [Math.log2(at), psnr]);
    const [[low, least], [high, most]] = known;
    const share = Math.min(Math.max((Math.log2(side) - low) / (high - low), 0), 1);
    return least + share * (most - least);
  }
}

// Between which places of a row each place of a longer or shorter one lies, and how near the second.
function places(from, to) {
  return Array.from({length: to}, (_, i) => {
    const at = Math.min(Math.max(((i + 0.5) * from) / to - 0.5, 0), from - 1), first = Math.floor(at);
    return [first, Math.min(first + 1, from - 1), at - first];
  });
}
