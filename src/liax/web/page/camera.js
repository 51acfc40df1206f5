// The camera, or a clip in its place: gives the newest frame whenever one is wanted.

import {cameraTrouble, Trouble} from "./words.js";

const LONGEST = 640; // of a frame, in pixels
const IDEAL = {width: {ideal: 640}, height: {ideal: 480}, frameRate: {ideal: 30}};

export class Camera {
  // onFrame(bitmap, milliseconds) is waited for before more than `atOnce` frames are taken; onEnd(error) is told when the camera is gone.
  constructor(video, onFrame, onEnd) {
    Object.assign(this, {video, onFrame, onEnd, stream: null, running: false, atOnce: 1, busy: 0, newest: null, lastFrame: 0, address: null});
  }

  // Start the camera of that name ("" for the usual one), or a clip, a file.
  async start(name, clip = null) {
    this.stop();
    const {video} = this;
    try {
      if (clip) {
        video.srcObject = null;
        this.address = URL.createObjectURL(clip);
        Object.assign(video, {src: this.address, loop: true});
      } else {
        if (!navigator.mediaDevices?.getUserMedia) throw new Trouble("cameraInsecure");
        this.stream = await navigator.mediaDevices.getUserMedia({video: {...IDEAL, ...(name && {deviceId: {exact: name}})}});
        video.srcObject = this.stream;
        this.stream.getVideoTracks()[0].onended = () => {
          this.stop();
          this.onEnd(new Trouble("cameraGone"));
        };
      }
      await video.play();
    } catch (error) {
      this.stop();
      throw clip ? new Trouble("noClip") : cameraTrouble(error);
    }
    video.hidden = false;
    this.running = true;
    this.lastFrame = performance.now();
    this.wait();
  }

  wait() {
    if (this.running) this.video.requestVideoFrameCallback((now, about) => this.take(about.captureTime ?? now));
  }

  // A frame that comes while others are worked on is kept, unless a newer one comes.
  async take(captured) {
    this.lastFrame = performance.now();
    this.wait();
    this.newest = captured;
    if (this.busy >= this.atOnce) return;
    this.busy++;
    try {
      while (this.newest !== null && !document.hidden && this.running && this.video.videoWidth) await this.give();
    } catch (error) {
      if (this.running) {
        this.stop();
        this.onEnd(error);
      }
    } finally {
      this.busy--;
    }
  }

  async give() {
    const {videoWidth, videoHeight} = this.video, captured = this.newest;
    const scale = Math.min(1, LONGEST / Math.max(videoWidth, videoHeight));
    const size = {resizeWidth: Math.round(videoWidth * scale), resizeHeight: Math.round(videoHeight * scale)};
    this.newest = null;
    await this.onFrame(await createImageBitmap(this.video, scale < 1 ? size : {}), captured);
  }

  stop() {
    this.running = false;
    this.newest = null;
    this.stream?.getTracks().forEach(track => track.stop());
    this.stream = null;
    this.video.pause();
    this.video.srcObject = null;
    this.video.removeAttribute("src");
    this.video.hidden = true;
    if (this.address) URL.revokeObjectURL(this.address);
    this.address = null;
  }
}

// The cameras that there are, as names and labels.
export async function listCameras() {
  const devices = await navigator.mediaDevices.enumerateDevices();
  const cameras = devices.filter(device => device.kind === "videoinput" && device.deviceId);
  return cameras.map((device, i) => [device.deviceId, device.label || `Camera ${i + 1}`]);
}
