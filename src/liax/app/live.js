() => {
  // "Live": sends the camera's newest frames, and shows the pictures that come back. live_messages.py says what
  // the messages are.
  const LONGEST = 384, QUALITY = 0.8; // of a frame that is sent: pixels, and JPEG quality
  const AHEAD = 60; // milliseconds before the server is through with a frame in which others are worth sending
  const PIECE = 200_000; // bytes of sound in a message
  const PATIENCE = 3000; // milliseconds without a frame after which the camera counts as silent
  const FRAME = 1, SOUND = 2, FACE_SEEN = 1;

  const root = () => document.getElementById("liax-camera");
  const part = name => root()?.querySelector(`[data-live="${name}"]`);
  const video = () => root().querySelector("video");
  const canvas = () => root().querySelector("canvas");
  const visible = () => !document.hidden && root()?.checkVisibility();
  const say = (text, kind = "note") => {
    const place = part("status");
    if (!place || place.dataset.said === text) return;
    place.dataset.said = text;
    place.replaceChildren();
    if (text) place.append(Object.assign(document.createElement("div"), {className: `liax-${kind}`, textContent: text}));
  };

  let wanted = null; // the portrait and how its face is found
  let options = {strength: 1, smoothing: 0.5, mirror: true};
  let frozen = false;
  let socket = null;
  let stream = null; // of the camera
  let clip = null; // address of a clip in its place
  let ready = false; // whether the portrait is open
  let busyUntil = 0; // when the server wants another frame, as far as the last one tells
  let encoding = false; // whether a frame is on its way into a file
  let shown = 0; // number of the newest picture
  let newest = null; // the picture that waits while another one is unpacked
  let unpacking = false;
  let lastFrame = 0; // when the camera gave one
  let notes = {}; // what is to be said: camera, face, people, portrait
  let recording = null; // of the sound, while there is one of the pictures
  const figures = window.liax.liveFigures(); // of the pictures that were shown (figures.js)
  const small = document.createElement("canvas");

  const running = () => root()?.dataset.state === "on";
  const tell = message => socket?.readyState === WebSocket.OPEN && socket.send(JSON.stringify(message));
  const note = (name, text) => {
    notes[name] = text;
    say(Object.values(notes).filter(Boolean).join(" "), notes.error ? "error" : "note");
  };

  // The server.
  const connect = () => {
    const own = (socket = new WebSocket(`${location.origin.replace(/^http/, "ws")}/liax/live`));
    own.binaryType = "arraybuffer";
    own.onopen = open;
    own.onmessage = ({data}) => {
      if (socket === own) typeof data === "string" ? hear(JSON.parse(data)) : take(data);
    };
    own.onclose = () => {
      if (socket === own && running()) end(notes.error || "The connection has ended; start the camera again.");
    };
  };
  const open = () => {
    ready = false;
    if (!wanted?.portrait) return note("portrait", "Give a portrait: drop a picture on “Your portrait”.");
    tell({do: "open", ...wanted, ...options});
    if (running()) note("portrait", "The portrait is being opened …");
  };
  const hear = message => {
    if (message.ready) {
      ready = true;
      frozen = false;
      Object.assign(canvas(), {width: message.ready.width, height: message.ready.height});
      tell({do: "set", ...options, frozen}); // what was changed meanwhile
      note("portrait", message.ready.notes.join(" "));
      note("error", "");
    }
    if (message.people) note("people", message.people > 1 ? `${message.people} people use this now, and share its speed.` : "");
    if (message.error) {
      if (message.closed) note("portrait", message.error);
      else note("error", message.error);
      recording?.stop();
      recording = null;
    }
    if (message.full) record();
    if (message.recorded) offer(message.recorded);
    if ((message.recorded || message.error) && !running()) socket.close();
    update();
  };

  // Pictures that come.
  const take = async data => {
    const view = new DataView(data);
    const picture = {captured: view.getFloat64(4, true), server: view.getFloat32(12, true), packed: data.slice(17)};
    shown = view.getUint32(0, true);
    busyUntil = performance.now() + picture.server - AHEAD;
    note("face", view.getUint8(16) & FACE_SEEN ? "" : "No face is seen; the last pose stays.");
    if (!picture.packed.byteLength) return;
    newest = picture;
    if (unpacking) return;
    unpacking = true;
    while (newest) {
      const {captured, server, packed} = newest;
      newest = null;
      const image = await createImageBitmap(new Blob([packed], {type: "image/jpeg"})).catch(() => null);
      if (!image) continue;
      canvas().getContext("2d").drawImage(image, 0, 0, canvas().width, canvas().height);
      image.close();
      if (captured) requestAnimationFrame(now => figures.add({captured, shown: now, server}));
    }
    unpacking = false;
  };
  const showFigures = () => {
    const place = part("figures");
    if (!place) return;
    const about = running() ? figures.about() ?? "…" : "";
    if (place.textContent !== about) place.textContent = about;
  };

  // Frames that go.
  const onFrame = (now, about) => {
    if (!running()) return;
    video().requestVideoFrameCallback(onFrame);
    lastFrame = performance.now();
    note("camera", "");
    if (ready && !encoding && now > busyUntil && visible() && socket?.readyState === WebSocket.OPEN && !socket.bufferedAmount)
      send(about.captureTime ?? now);
  };
  const send = captured => {
    const {videoWidth: width, videoHeight: height} = video();
    if (!width) return;
    const scale = Math.min(1, LONGEST / Math.max(width, height));
    const [w, h] = [Math.round(width * scale), Math.round(height * scale)];
    if (small.width !== w || small.height !== h) Object.assign(small, {width: w, height: h});
    small.getContext("2d", {alpha: false}).drawImage(video(), 0, 0, w, h);
    encoding = true;
    small.toBlob(blob => {
      encoding = false;
      if (!blob || !ready || socket?.readyState !== WebSocket.OPEN) return;
      const header = new DataView(new ArrayBuffer(13));
      header.setUint8(0, FRAME);
      header.setUint32(1, shown, true);
      header.setFloat64(5, captured, true);
      socket.send(new Blob([header, blob]));
    }, "image/jpeg", QUALITY);
  };

  // The camera, or a clip in its place.
  const REFUSED = {
    NotAllowedError: "The browser does not let this page use the camera; allow it beside the address, then start again.",
    NotFoundError: "There is no camera; connect one, or use a clip in its place.",
    NotReadableError: "The camera cannot be read; end the other program that uses it.",
    OverconstrainedError: "This camera is gone; choose another one.",
  };
  const start = async () => {
    notes = {};
    say("");
    try {
      if (clip) {
        video().srcObject = null;
        Object.assign(video(), {src: clip, loop: true});
      } else {
        if (!navigator.mediaDevices?.getUserMedia)
          throw new Error("Browsers give cameras only to pages at 127.0.0.1, localhost or https; open this page under such an address, or use a clip.");
        const chosen = part("camera").value;
        const ideal = {width: {ideal: 640}, height: {ideal: 480}, frameRate: {ideal: 30}};
        stream = await navigator.mediaDevices.getUserMedia({video: {...ideal, ...(chosen && {deviceId: {exact: chosen}})}});
        video().srcObject = stream;
        stream.getVideoTracks()[0].onended = () => end("The camera is gone; connect it, and start it again.");
        listCameras();
      }
      await video().play();
    } catch (error) {
      return end(REFUSED[error.name] ?? (clip ? "This clip cannot be played; choose another one." : error.message));
    }
    root().dataset.state = "on";
    lastFrame = performance.now();
    if (socket?.readyState === WebSocket.OPEN) open();
    else connect();
    video().requestVideoFrameCallback(onFrame);
    update();
  };
  const end = reason => {
    const saving = !!recording; // the connection is needed until the recording is there
    if (saving) record();
    stream?.getTracks().forEach(track => track.stop());
    stream = null;
    video().pause();
    video().srcObject = null;
    ready = false;
    if (root()) root().dataset.state = "off";
    if (!saving) socket?.close();
    notes = reason ? {error: reason} : {};
    say(reason ?? "", "error");
    update();
  };
  const listCameras = async () => {
    const cameras = (await navigator.mediaDevices.enumerateDevices()).filter(device => device.kind === "videoinput");
    const list = part("camera"), chosen = list.value;
    list.replaceChildren(new Option("The usual one", ""), ...cameras.map((device, i) => new Option(device.label || `Camera ${i + 1}`, device.deviceId)));
    list.value = cameras.some(device => device.deviceId === chosen) ? chosen : "";
  };

  // Recordings: the server has the pictures, the browser the sound (sound.js).
  const record = async () => {
    if (recording) {
      const done = recording;
      recording = null;
      tell({do: "stop"});
      update();
      const heard = await done.stop();
      note("sound", "");
      for (let from = 0; heard && from < heard.sound.size; from += PIECE)
        socket.send(new Blob([Uint8Array.of(SOUND), heard.sound.slice(from, from + PIECE)]));
      tell({do: "save", sound_start: heard?.begun ?? null});
    } else if (ready) {
      recording = window.liax.soundRecorder();
      part("recorded").replaceChildren();
      note("error", "");
      tell({do: "record"});
      update();
      if (part("sound").checked)
        recording.start(clip && video()).catch(() => note("sound", "The microphone cannot be used; the recording is silent."));
    }
  };
  const offer = ({path, about, silent}) => {
    const src = `/gradio_api/file=${encodeURI(path)}`;
    const player = Object.assign(document.createElement("video"), {src, controls: true, ariaLabel: "The recording"});
    const link = Object.assign(document.createElement("a"), {href: src, download: "live.mp4", textContent: "Download the recording"});
    const text = Object.assign(document.createElement("p"), {textContent: `${about}${silent ? ", silent" : ""}`});
    part("recorded").replaceChildren(player, text, link);
  };

  // What is pressed.
  const update = () => {
    if (!root()) return;
    part("start").textContent = running() ? "Stop the camera" : "Start the camera";
    for (const name of ["neutral", "freeze", "record"]) part(name).disabled = !(running() && ready);
    part("freeze").ariaPressed = String(frozen);
    part("record").ariaPressed = String(!!recording);
    part("record").firstChild.data = recording ? "Stop recording " : "Record ";
    video().classList.toggle("liax-mirrored", options.mirror);
  };
  const act = {
    start: () => (running() ? end() : start()),
    neutral: () => tell({do: "neutral"}),
    freeze: () => {
      frozen = !frozen;
      tell({do: "set", ...options, frozen});
      update();
    },
    record,
  };
  addEventListener("click", event => {
    const pressed = event.target.closest?.("#liax-camera button[data-live]");
    if (pressed && !pressed.disabled) act[pressed.dataset.live]();
  });
  const KEYS = {n: "neutral", f: "freeze", r: "record"};
  addEventListener("keydown", event => {
    const typed = event.target.closest?.("input:not([type=range], [type=checkbox]), textarea, select, [contenteditable=true]");
    const name = KEYS[event.key.toLowerCase()];
    if (!name || typed || event.repeat || event.ctrlKey || event.metaKey || event.altKey || !running() || !visible()) return;
    if (!part(name).disabled) act[name]();
  });
  addEventListener("change", event => {
    if (!event.target.matches?.("#liax-camera [data-live]")) return;
    const {live} = event.target.dataset;
    if (live === "clip") {
      if (clip) URL.revokeObjectURL(clip);
      clip = event.target.files[0] ? URL.createObjectURL(event.target.files[0]) : null;
    }
    if (live === "camera") clip = null;
    if ((live === "clip" || live === "camera") && (running() || clip)) {
      if (running()) end();
      start();
    }
  });
  // Hidden, the page sends nothing; when it is seen again, it goes on.
  setInterval(() => {
    showFigures();
    if (running() && visible() && performance.now() - lastFrame > PATIENCE) note("camera", "The camera sends no pictures.");
    if (!visible()) lastFrame = performance.now();
  }, 500);

  window.liax.live = {
    times: figures.times,
    open(portrait, face, cropped) {
      const now = {portrait: portrait?.path ?? null, face: face ?? 0, cropped: !!cropped};
      if (JSON.stringify(now) === JSON.stringify(wanted)) return;
      wanted = now;
      if (running() && socket?.readyState === WebSocket.OPEN) open();
    },
    set(strength, smoothing, mirror) {
      options = {strength, smoothing, mirror};
      tell({do: "set", ...options, frozen});
      update();
    },
  };
}
