() => {
  // "Edit image": the face in the result is dragged. While it is, small drafts are drawn; the newest wish counts,
  // and none waits behind another. When the hand lets go, the sliders are set, and the whole picture follows.
  const SETTLE = 500; // milliseconds after the last change until it is measured where the face is now
  const STEP = 1 / 50; // of a control's range, for one press of an arrow key
  const DRAFT = 256; // pixels a side, to which smaller ones are enlarged
  const WHEEL = 0.0008; // of the face's size, as a logarithm, for a pixel of the wheel
  const page = crypto.getRandomValues(new Uint32Array(4)).join("-").slice(0, 40);

  let given = null; // what the page has set: portrait, face, cropped, paste
  let sliders = {}; // control -> id of its slider
  let amounts = {}; // control -> amount, as it is being dragged
  let face = null; // handles, and what moves the whole head
  let drag = null; // while a hand or key is at it
  let dirty = false; // whether something was dragged that the sliders were not told yet

  // The surface over the result.
  const make = (tag, name, parent) => parent.appendChild(Object.assign(document.createElement(tag), {className: name}));
  const surface = make("div", "liax-surface", document.createDocumentFragment());
  surface.tabIndex = 0;
  surface.setAttribute("role", "group");
  surface.setAttribute("aria-label", "The face: drag it, or use the arrow keys; plus and minus change its size");
  const square = make("div", "liax-square", surface);
  const draft = make("canvas", "liax-draft", square);
  Object.assign(draft, {width: DRAFT, height: DRAFT, hidden: true});
  const middle = make("div", "liax-middle", square);
  const result = () => document.querySelector(".liax-live > .block:first-child img");

  // Places: the square's corners in the shown picture -> a matrix from its own unit square to pixels.
  let corners = null, matrix = null;
  const sizes = new ResizeObserver(() => place());
  const place = () => {
    const image = result();
    const block = image?.closest(".block");
    const visible = block && face && corners && image.naturalWidth && image.checkVisibility({visibilityProperty: true});
    surface.hidden = !visible;
    if (!visible) return;
    if (surface.parentElement !== block) {
      block.append(surface);
      sizes.observe(block);
    }
    const frame = image.getBoundingClientRect(), outer = block.getBoundingClientRect();
    const scale = Math.min(frame.width / image.naturalWidth, frame.height / image.naturalHeight);
    const width = image.naturalWidth * scale, height = image.naturalHeight * scale;
    const left = frame.left + (frame.width - width) / 2 - outer.left - block.clientLeft;
    const top = frame.top + (frame.height - height) / 2 - outer.top - block.clientTop;
    Object.assign(surface.style, {left: `${left}px`, top: `${top}px`, width: `${width}px`, height: `${height}px`});
    const [[ax, ay], [bx, by], [cx, cy]] = corners.map(([x, y]) => [x * width, y * height]);
    matrix = [bx - ax, by - ay, cx - ax, cy - ay, ax, ay];
    draft.style.transform = `matrix(${matrix.map((value, i) => (i < 4 ? value / DRAFT : value)).join(",")})`;
    for (const handle of square.querySelectorAll(".liax-handle")) {
      const [x, y] = toSurface(face.handles[handle.dataset.number].at);
      Object.assign(handle.style, {left: `${x}px`, top: `${y}px`});
    }
    const [l, t, r, b] = face.box;
    const [x, y] = toSurface([(l + r) / 2, (t + b) / 2]), side = Math.hypot(matrix[0], matrix[1]);
    Object.assign(middle.style, {left: `${x}px`, top: `${y}px`, width: `${(r - l) * side}px`, height: `${(b - t) * side}px`});
  };
  const toSurface = ([x, y]) => [matrix[0] * x + matrix[2] * y + matrix[4], matrix[1] * x + matrix[3] * y + matrix[5]];
  const toSquare = event => {
    const frame = surface.getBoundingClientRect();
    const [a, b, c, d, e, f] = matrix, x = event.clientX - frame.left - e, y = event.clientY - frame.top - f;
    const area = a * d - b * c;
    return [(d * x - c * y) / area, (a * y - b * x) / area];
  };

  // Drafts: one is asked for at a time, and of those wished for meanwhile the last.
  let busy = false, wish = null, settling = 0;
  const ask = async measured => {
    wish = {measured};
    if (busy) return;
    busy = true;
    while (wish && given?.portrait) {
      const wished = {page, ...given, settings: {...amounts}, measured: wish.measured};
      wish = null;
      try {
        const answer = await fetch(new URL("liax/draft", document.baseURI), {
          method: "POST", headers: {"Content-Type": "application/json"}, body: JSON.stringify(wished),
        });
        if (answer.status === 200) await show(wished, await answer.json());
        else if (answer.status !== 204 && wished.measured) forget();
      } catch { /* the server is gone; the page says so elsewhere */ }
    }
    busy = false;
  };
  const show = async (wished, drawn) => {
    if (wished.portrait !== given.portrait) return;
    corners = drawn.square;
    if (drag || dirty) {
      const picture = Object.assign(new Image(), {src: drawn.picture});
      await picture.decode();
      draft.getContext("2d").drawImage(picture, 0, 0, DRAFT, DRAFT);
      draft.hidden = !(drag || dirty);
    }
    if (wished.measured && !drag && !dirty) setFace(drawn.face);
    place();
  };
  const forget = () => { face = null; place(); };
  const settle = () => {
    clearTimeout(settling);
    settling = setTimeout(() => document.documentElement.dataset.tab === "edit-image" && !drag && ask(true), SETTLE);
  };

  // Handles.
  let lastFocused; // its number, as long as nothing else was given the focus
  document.addEventListener("focusin", event => {
    lastFocused = square.contains(event.target) ? event.target.dataset.number : undefined;
  });
  const setFace = measured => {
    face = measured;
    // Handles that were gone for a moment took the focus with them, and nothing else has it since.
    const active = document.activeElement;
    const focused = active === document.body ? lastFocused : active?.dataset?.number;
    square.querySelectorAll(".liax-handle").forEach(handle => handle.remove());
    face?.handles.forEach((handle, number) => {
      const dot = make("button", "liax-handle", square);
      dot.type = "button";
      dot.dataset.number = number;
      dot.title = handle.label;
      dot.setAttribute("aria-label", `${handle.label}: drag it, or use the arrow keys`);
      if (handle.twin) {
        dot.tabIndex = -1;
        dot.setAttribute("aria-hidden", "true");
      }
      if (focused === String(number)) dot.focus({preventScroll: true});
    });
  };

  // Amounts, within what their sliders allow, and shown by these.
  const fields = control => document.getElementById(sliders[control])?.querySelectorAll("input") ?? [];
  const range = control => [...fields(control)].find(field => field.type === "range");
  const set = (control, amount) => {
    const field = range(control);
    if (!field) return;
    const low = Number(field.min), high = Number(field.max), step = Number(field.step);
    const value = Number((Math.round(Math.min(Math.max(amount, low), high) / step) * step).toFixed(6));
    amounts[control] = value;
    for (const shown of fields(control)) shown.value = value;
    field.style.setProperty("--range_progress", `${(100 * (value - low)) / (high - low)}%`);
    dirty = true;
  };
  const apply = () => {
    drag = null;
    surface.classList.remove("liax-dragging");
    if (dirty) document.getElementById("liax-apply-drag").click();
  };
  let old = null; // the result while a newer one is on its way
  document.addEventListener("load", event => {
    if (event.target !== result()) return;
    if (!drag && event.target.src !== old) { draft.hidden = true; old = null; }
    place();
  }, true);

  // The hand. One pointer drags; two change the size.
  const pointers = new Map();
  const spread = () => {
    const [one, two] = [...pointers.values()];
    return Math.hypot(one.clientX - two.clientX, one.clientY - two.clientY);
  };
  const begin = (handle, event) => {
    drag = {handle, from: toSquare(event), start: {...amounts}};
    surface.classList.add("liax-dragging");
  };
  const pulled = {label: "", x: null, y: null, turn: null};
  const handleAt = event => {
    const number = event.target.dataset?.number;
    if (number !== undefined) return face.handles[number];
    if (event.target === middle) return face.handles.find(handle => handle.x?.[0] === "yaw") ?? face.handles.find(handle => handle.y?.[0] === "pitch") ?? pulled;
    const {x, y} = face.beside;
    return {...pulled, x: x && [x, 1], y: y && [y, 1]};
  };
  surface.addEventListener("pointerdown", event => {
    if (!face || event.button) return;
    event.target.closest("[tabindex], button")?.focus({preventScroll: true});
    event.preventDefault();
    surface.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, event);
    if (pointers.size === 1) begin(handleAt(event), event);
    else if (pointers.size === 2 && drag) {
      for (const [control, amount] of Object.entries(drag.start)) if (amounts[control] !== amount) set(control, amount);
      drag.spread = spread();
    }
  });
  surface.addEventListener("pointermove", event => {
    if (!drag || !pointers.has(event.pointerId)) return;
    pointers.set(event.pointerId, event);
    const {handle, from, start} = drag, now = toSquare(event), size = face.beside.size;
    if (drag.spread) {
      if (size && pointers.size === 2) set(size, (start[size] ?? 0) + Math.log(spread() / drag.spread));
    } else {
      if (handle.x) set(handle.x[0], (start[handle.x[0]] ?? 0) + handle.x[1] * (now[0] - from[0]));
      if (handle.y) set(handle.y[0], (start[handle.y[0]] ?? 0) + handle.y[1] * (now[1] - from[1]));
      if (handle.turn) {
        const [l, t, r, b] = face.box, angle = ([x, y]) => Math.atan2((t + b) / 2 - y, x - (l + r) / 2) * 180 / Math.PI;
        const turned = ((angle(now) - angle(from) + 540) % 360) - 180;
        set(handle.turn[0], (start[handle.turn[0]] ?? 0) + handle.turn[1] * turned);
      }
    }
    if (dirty) ask(false);
  });
  const release = event => {
    pointers.delete(event.pointerId);
    if (drag && !pointers.size) apply();
  };
  surface.addEventListener("pointerup", release);
  surface.addEventListener("pointercancel", release);

  // The wheel, once the face has the focus, so that it does not catch a page that is scrolled; and a touchpad's pinch.
  let wheeling = 0;
  surface.addEventListener("wheel", event => {
    const size = face?.beside.size;
    if (!size || !(event.ctrlKey || surface.contains(document.activeElement))) return;
    event.preventDefault();
    drag ??= {handle: pulled, from: [0, 0], start: {}};
    set(size, (amounts[size] ?? 0) - event.deltaY * WHEEL * (event.ctrlKey ? 10 : 1));
    ask(false);
    clearTimeout(wheeling);
    wheeling = setTimeout(() => pointers.size || apply(), 300);
  }, {passive: false});

  // Keys do what the hand does.
  const KEYS = {ArrowLeft: ["x", -1], ArrowRight: ["x", 1], ArrowUp: ["y", -1], ArrowDown: ["y", 1], "+": ["size", 1], "=": ["size", 1], "-": ["size", -1]};
  surface.addEventListener("keydown", event => {
    const key = KEYS[event.key];
    if (!key || !face || event.ctrlKey || event.metaKey || event.altKey) return;
    const number = event.target.dataset?.number, handle = number === undefined ? null : face.handles[number];
    const beside = face.beside[key[0]] && [face.beside[key[0]], 1];
    const pull = handle && key[0] !== "size" ? handle[key[0]] ?? (handle.turn && key[0] === "x" ? [handle.turn[0], -1] : null) : beside;
    if (!pull) return;
    event.preventDefault();
    drag ??= {handle: pulled, from: [0, 0], start: {}};
    const field = range(pull[0]);
    const unit = Number(field.step);
    const step = unit * Math.max(1, Math.round((STEP * (Number(field.max) - Number(field.min))) / unit));
    set(pull[0], (amounts[pull[0]] ?? 0) + Math.sign(pull[1]) * key[1] * step);
    ask(false);
  });
  surface.addEventListener("keyup", event => event.key in KEYS && drag && !pointers.size && apply());
  surface.addEventListener("focusout", () => drag && !pointers.size && apply());

  Object.assign(window.liax, {
    // What the page has set, after every change.
    face(controls, portrait, face_, cropped, paste, ...values) {
      sliders = controls;
      const before = given?.portrait;
      given = {portrait: portrait?.path ?? "", face: face_ ?? 0, cropped: !!cropped, paste: !!paste};
      if (given.portrait !== before) forget();
      if (drag) return;
      amounts = Object.fromEntries(Object.keys(sliders).map((control, k) => [control, values[k] ?? 0]));
      settle();
    },
    // The sliders' values after a drag.
    dragged(values) {
      old = result()?.src ?? null;
      dirty = false;
      settle();
      return Object.keys(sliders).map((control, k) => amounts[control] ?? values[k]);
    },
  });
  let tab = "";
  new MutationObserver(() => {
    if (document.documentElement.dataset.tab === tab) return;
    tab = document.documentElement.dataset.tab;
    if (tab === "edit-image") settle();
  }).observe(document.documentElement, {attributes: true, attributeFilter: ["data-tab"]});
}
