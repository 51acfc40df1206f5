() => {
  // "Live": how many pictures are shown, and how late.
  const WINDOW = 3000; // milliseconds over which figures are taken
  const KEPT = 5000; // times
  window.liax.liveFigures = () => {
    const times = []; // of the pictures that were shown: captured, shown, server
    return {
      times,
      add(time) {
        times.push(time);
        if (times.length > KEPT) times.shift();
      },
      // A sentence about the last seconds; null where there are too few pictures.
      about() {
        const since = performance.now() - WINDOW;
        const last = times.filter(time => time.shown > since);
        if (last.length < 2) return null;
        const behind = last.map(time => time.shown - time.captured).sort((a, b) => a - b);
        const rate = (1000 * (last.length - 1)) / (last.at(-1).shown - last[0].shown);
        return `${rate.toFixed(rate < 10 ? 1 : 0)} pictures a second, ${Math.round(behind[behind.length >> 1])} ms behind you`;
      },
    };
  };
}
