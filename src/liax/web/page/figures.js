// How many pictures a second are shown, and how far they are behind.

const WINDOW = 3000; // milliseconds over which figures are taken
const MOST = 5000;

export const times = []; // of the pictures that were shown: captured, shown

export function count(time) {
  times.push(time);
  if (times.length > MOST) times.shift();
}

// In words.
export function figures() {
  const last = times.filter(time => time.shown > performance.now() - WINDOW);
  if (last.length < 2) return "…";
  const behind = last.map(time => time.shown - time.captured).sort((a, b) => a - b);
  const rate = (1000 * (last.length - 1)) / (last.at(-1).shown - last[0].shown);
  return `${rate.toFixed(rate < 10 ? 1 : 0)} pictures a second, ${Math.round(behind[behind.length >> 1])} ms behind you`;
}
