() => {
  // "Live": records what is heard while the portrait is recorded, of the microphone or of the clip in the camera's place.
  window.liax.soundRecorder = () => {
    const pieces = [];
    let recorder = null, microphone = null, begun = null, stopped = false;
    const release = () => microphone?.getTracks().forEach(track => track.stop());
    return {
      // clip: the element that plays it, or null. Fails if the microphone cannot be used.
      async start(clip) {
        const heard = clip ? clip.captureStream?.() : (microphone = await navigator.mediaDevices.getUserMedia({audio: true}));
        if (!heard?.getAudioTracks().length || stopped) return release();
        recorder = new MediaRecorder(new MediaStream(heard.getAudioTracks()));
        recorder.ondataavailable = event => pieces.push(event.data);
        recorder.onstart = () => (begun = performance.now());
        recorder.start(1000);
      },
      // The sound, and when it began on the page's clock; null where nothing was heard.
      async stop() {
        stopped = true;
        if (recorder && recorder.state !== "inactive") {
          const ended = new Promise(resolve => (recorder.onstop = resolve));
          recorder.stop();
          await ended;
        }
        release();
        return begun === null || !pieces.length ? null : {sound: new Blob(pieces), begun};
      },
    };
  };
}
