// Pictures as an MP4, and the pictures of a clip: Mediabunny and the browser's own codecs.

import {Trouble} from "./words.js";

const CODECS = ["avc", "vp9", "av1"]; // most players know the first
const NAMES = {avc: "H.264", vp9: "VP9", av1: "AV1"};
const MOST_SECONDS = 120, MOST_BYTES = 500e6, MOST_PICTURES = 7200;
const LONGEST = 640; // of a clip's frames, in pixels

const library = () => import("./mediabunny.min.mjs");

export class Film {
  // A film of pictures of one size. `tags` say how they were made, `copied` is a clip whose sound is taken over, and
  // `heard` a track of a microphone.
  static async start(width, height, tags, {copied = null, heard = null} = {}) {
    const bunny = await library();
    const codec = globalThis.VideoEncoder && (await bunny.getFirstEncodableVideoCodec(CODECS, {width, height}));
    if (!codec) throw new Trouble("noEncoder");
    const film = new Film();
    const format = new bunny.Mp4OutputFormat({fastStart: "in-memory", metadataFormat: "mdta"});
    film.output = new bunny.Output({format, target: new bunny.BufferTarget()});
    film.video = new bunny.VideoSampleSource({codec, quality: bunny.QUALITY_HIGH});
    film.output.addVideoTrack(film.video);
    film.output.setMetadataTags({raw: tags});
    Object.assign(film, {bunny, codec, copied, pictures: 0, last: -1});
    if (copied?.sound && format.getSupportedAudioCodecs().includes(copied.soundCodec)) {
      film.sound = new bunny.EncodedAudioPacketSource(copied.soundCodec);
      film.output.addAudioTrack(film.sound);
    } else if (heard) {
      const sound = await bunny.getFirstEncodableAudioCodec(["aac", "opus"]);
      if (sound) {
        film.microphone = new bunny.MediaStreamAudioTrackSource(heard, {codec: sound, bitrate: 128e3});
        film.microphone.errorPromise.catch(() => {});
        film.output.addAudioTrack(film.microphone);
      }
    }
    await film.output.start();
    return film;
  }

  get isFull() {
    return this.pictures >= MOST_PICTURES;
  }

  // Append what a canvas shows, at a time in seconds that is later than the last one's.
  async add(canvas, seconds, duration) {
    if (this.isFull || seconds <= this.last) return;
    const sample = new this.bunny.VideoSample(canvas, {timestamp: seconds, duration});
    this.last = seconds;
    this.pictures++;
    await this.video.add(sample);
    sample.close();
  }

  // The file, and what is to be said of it.
  async finish() {
    if (!this.pictures) {
      await this.output.cancel();
      throw new Trouble("nothingRecorded");
    }
    if (this.sound) await this.copySound();
    await this.output.finalize();
    const silent = !this.sound && !this.microphone;
    return {blob: new Blob([this.output.target.buffer], {type: "video/mp4"}), pictures: this.pictures, codec: NAMES[this.codec], silent};
  }

  async copySound() {
    const {sound, first} = this.copied, decoderConfig = await sound.getDecoderConfig();
    for await (const packet of new this.bunny.EncodedPacketSink(sound).packets())
      if (packet.timestamp >= first && packet.timestamp - first <= this.last)
        await this.sound.add(packet.clone({timestamp: packet.timestamp - first}), {decoderConfig});
  }

  cancel() {
    return this.output.cancel();
  }
}

// A clip that was given as a file, to be read frame by frame.
export class Clip {
  static async open(file) {
    if (file.size > MOST_BYTES) throw new Trouble("largeClip", Math.round(file.size / 1e6));
    const bunny = await library(), clip = new Clip();
    const input = new bunny.Input({source: new bunny.BlobSource(file), formats: bunny.ALL_FORMATS});
    try {
      const video = await input.getPrimaryVideoTrack();
      if (!video || !globalThis.VideoDecoder || !(await video.canDecode())) throw new Trouble("noClip");
      const first = await video.getFirstTimestamp(), seconds = (await video.computeDuration()) - first;
      if (!(seconds <= MOST_SECONDS)) throw new Trouble("longClip", Math.round(seconds));
      const sound = await input.getPrimaryAudioTrack();
      Object.assign(clip, {bunny, input, video, first, seconds, sound, soundCodec: await sound?.getCodec()});
    } catch (error) {
      throw error.name === "Trouble" ? error : new Trouble("noClip");
    }
    return clip;
  }

  // Each frame's canvas, time in seconds since the first, and duration.
  async *frames() {
    const width = await this.video.getDisplayWidth();
    const height = await this.video.getDisplayHeight();
    const scale = Math.min(1, LONGEST / Math.max(width, height));
    const size = {width: Math.max(2, Math.round(width * scale)), height: Math.max(2, Math.round(height * scale)), fit: "fill"};
    const sink = new this.bunny.CanvasSink(this.video, {...size, poolSize: 2});
    for await (const {canvas, timestamp, duration} of sink.canvases())
      yield {canvas, seconds: timestamp - this.first, duration};
  }
}
