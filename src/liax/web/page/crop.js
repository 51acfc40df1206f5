// The upright square around a face that the network sees: liax/face/crop.py and place.py, for heads that stand upright.
// Boxes are [left, top, right, bottom] in pixels, crops {left, top, side}.

const LARGEST_SHIFT = 0.2, LARGEST_FACE = 0.7, MAX_EXTENT = 0.9, SIDES_TRIED = 16;

const between = (value, low, high) => Math.min(Math.max(value, low), high);
const leastShift = (start, end, length) => {
  const first = -start, last = length - end;
  return between(0, Math.min(first, last), Math.max(first, last));
};

// A face's square in a picture. `about` is the card's: face_size, face_centre.
export function cropFor(face, width, height, about) {
  const {face_size: faceSize, face_centre: [cx, cy]} = about;
  const [left, top, right, bottom] = face, wide = right - left, high = bottom - top;
  const side = Math.max(Math.max(high, wide, 1) / faceSize, wide / MAX_EXTENT, high / MAX_EXTENT);
  const crop = {left: (left + right) / 2 - cx * side, top: (top + bottom) / 2 - cy * side, side};
  crop.left = between(crop.left, right - side, left);
  crop.top = between(crop.top, bottom - side, top);
  const least = Math.min(1, Math.max(faceSize / LARGEST_FACE, wide / side / MAX_EXTENT, high / side / MAX_EXTENT));
  let moved = crop;
  for (let tried = 0; tried < SIDES_TRIED; tried++) {
    const factor = 1 + ((least - 1) * tried) / (SIDES_TRIED - 1);
    moved = movedInside(factor === 1 ? crop : around(crop, factor, cx, cy), face, width, height);
    if (isInside(moved, width, height)) break;
  }
  return moved;
}

const around = ({left, top, side}, factor, cx, cy) => ({
  left: left + (1 - factor) * cx * side, top: top + (1 - factor) * cy * side, side: factor * side,
});

function movedInside(crop, face, width, height) {
  const most = LARGEST_SHIFT * crop.side;
  const shift = (start, first, end, length) => {
    const wanted = between(leastShift(start, start + crop.side, length), -most, most);
    const low = Math.min(Math.min(end, length) - start - crop.side, 0), high = Math.max(Math.max(first, 0) - start, 0);
    return start + between(wanted, low, high);
  };
  return {left: shift(crop.left, face[0], face[2], width), top: shift(crop.top, face[1], face[3], height), side: crop.side};
}

export function isInside({left, top, side}, width, height) {
  return Math.min(left, top, width - left - side, height - top - side) >= -0.01 * side;
}

// What of a square of `size` pixels is in the picture.
export function realPart(crop, width, height, size) {
  if (isInside(crop, width, height)) return [0, 0, size, size];
  const inner = (start, length) => {
    const from = (-start / crop.side) * size, to = ((length - start) / crop.side) * size;
    const first = Math.min(Math.max(0, Math.ceil(from - 0.01)), size - 2);
    const last = Math.max(first + 2, Math.min(size, Math.floor(to + 0.01)));
    return [first, last - ((last - first) % 2)];
  };
  const [x, y] = [inner(crop.left, width), inner(crop.top, height)];
  return [x[0], y[0], x[1], y[1]];
}

// Whether a square shows a face well enough to stay where it is (liax/live/camera_face.py).
export function fits(box, {left, top, side}, faceSize) {
  const corners = [(box[0] - left) / side, (box[1] - top) / side, (box[2] - left) / side, (box[3] - top) / side];
  const size = Math.max(corners[2] - corners[0], corners[3] - corners[1]);
  const inside = Math.min(...corners) >= -0.02 && Math.max(...corners) <= 1.02;
  return inside && size >= 0.5 * faceSize && size <= 1.6 * faceSize;
}

// What two boxes share of the smaller one.
export function overlap(a, b) {
  const wide = Math.min(a[2], b[2]) - Math.max(a[0], b[0]), high = Math.min(a[3], b[3]) - Math.max(a[1], b[1]);
  const area = box => (box[2] - box[0]) * (box[3] - box[1]);
  return wide > 0 && high > 0 ? (wide * high) / Math.max(Math.min(area(a), area(b)), 1e-9) : 0;
}
