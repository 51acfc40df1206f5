() => {
  // What Gradio's page lacks: it runs once, when the page opens.
  const wait = milliseconds => new Promise(resolve => setTimeout(resolve, milliseconds));
  const shown = element => element?.checkVisibility({visibilityProperty: true});

  // A file goes where it is dropped or chosen, also in place of one that is there already.
  const fileInput = async block => {
    const find = () => block.querySelector("input[type=file]");
    if (!find()) block.querySelector("[aria-label=Clear], [aria-label='Remove Image']")?.click();
    for (let tries = 0; tries < 100 && !find(); tries++) await wait(20);
    return find();
  };
  const hasFiles = event => event.dataTransfer?.types.includes("Files");
  addEventListener("dragover", event => hasFiles(event) && event.preventDefault(), true);
  addEventListener("drop", async event => {
    if (!hasFiles(event)) return;
    event.preventDefault(); // the browser would leave the page
    const block = event.target.closest(".block");
    if (!block?.querySelector(".source-selection, input[type=file]")) return;
    event.stopPropagation();
    const files = event.dataTransfer.files;
    const input = await fileInput(block);
    if (!input) return;
    input.files = files;
    input.dispatchEvent(new Event("change", {bubbles: true}));
  }, true);
  addEventListener("click", async event => {
    const upload = event.target.closest?.(".source-selection [aria-label='Upload file'].selected");
    if (!upload) return;
    event.stopPropagation();
    (await fileInput(upload.closest(".block")))?.click();
  }, true);

  // A number that is off its scale becomes the nearest one on it, and an empty box is at rest.
  addEventListener("change", event => {
    const box = event.target;
    if (!box.matches?.("input[type=number][min][max]")) return;
    const rest = Math.min(Math.max(0, Number(box.min)), Number(box.max));
    const value = box.value === "" ? rest : Math.min(Math.max(Number(box.value), Number(box.min)), Number(box.max));
    if (box.value !== "" && Number(box.value) === value) return;
    box.value = value;
    box.dispatchEvent(new Event("input", {bubbles: true}));
  }, true);

  // What sliders were set to, step by step: for Undo and Redo, and over a reload. A drag is one step.
  const memory = new Map();
  const past = (place, values) => {
    if (!memory.has(place)) memory.set(place, {steps: [values.map(() => 0)], now: 0, time: 0});
    return memory.get(place);
  };
  const keep = (place, values) => sessionStorage.setItem(`liax-${place}`, JSON.stringify(values));
  const opened = new Map(); // tab -> what it is set to at first, and what it was set to before a reload if that differs
  const same = (one, other) => (one?.path ?? JSON.stringify(one)) === (other?.path ?? JSON.stringify(other));
  window.liax = {
    remember(place, values) {
      const own = past(place, values);
      if (String(own.steps[own.now]) === String(values)) return;
      const drags = Date.now() - own.time < 700 && own.now > 0 && own.now === own.steps.length - 1;
      if (!drags) own.now++;
      own.steps.splice(own.now, Infinity, values);
      own.time = Date.now();
      keep(place, values);
    },
    step(place, values, by) {
      const own = past(place, values);
      own.now = Math.min(Math.max(own.now + by, 0), own.steps.length - 1);
      own.time = 0;
      keep(place, own.steps[own.now]);
      return own.steps[own.now];
    },
    // What else is set on a tab, over a reload; files as long as the server has them.
    keep(name, values) {
      if (opened.has(name)) sessionStorage.setItem(`liax-tab-${name}`, JSON.stringify(values));
    },
    // Asks for the files that were given, which takes a while; then `kept` says what has to be set.
    async recall(name, first) {
      const stored = JSON.parse(sessionStorage.getItem(`liax-tab-${name}`) ?? "null");
      const differ = first.map((value, i) => stored?.length === first.length && !same(stored[i], value));
      const there = await Promise.all(differ.map((is, i) => is && (!stored[i]?.url || fetch(stored[i].url, {method: "HEAD"}).then(answer => answer.ok, () => false))));
      opened.set(name, {first, before: there.map((is, i) => (is ? stored[i] : undefined))});
    },
    // undefined: as it is, for it was so before, or the visitor was quicker and set it meanwhile.
    kept(name, values) {
      const {first, before} = opened.get(name);
      const set = values.map((value, i) => (same(value, first[i]) ? before[i] : undefined));
      liax.keep(name, values.map((value, i) => (set[i] === undefined ? value : set[i])));
      setTimeout(() => dispatchEvent(new CustomEvent("liax-kept", {detail: name})), 300); // the page has set it then
      return set;
    },
    restored(place, values) {
      const kept = JSON.parse(sessionStorage.getItem(`liax-${place}`) ?? "null");
      return kept?.length === values.length ? kept : values;
    },
  };

  // The open tab is in the address.
  const tabs = () => [...(document.querySelector(".tab-container[role=tablist]")?.children ?? [])];
  const slug = tab => tab.innerText.trim().toLowerCase().replaceAll(" ", "-");
  const noteTab = () => {
    const open = tabs().find(tab => tab.ariaSelected === "true");
    if (!open || document.documentElement.dataset.tab === slug(open)) return;
    document.documentElement.dataset.tab = slug(open);
    history.replaceState(null, "", `#${slug(open)}`);
  };
  const openTab = () => tabs().find(tab => slug(tab) === location.hash.slice(1))?.click();

  // Names, and explanations with what they explain.
  const NAMES = {Undo: "Reset zoom", "play-pause-replay-button": "Play or pause", "full-screen": "Full screen"};
  const say = (element, name, value) => element.getAttribute(name) === value || element.setAttribute(name, value);
  let explained = 0;
  const describe = () => {
    for (const info of document.querySelectorAll(".info-text, [data-testid=block-info] + div")) {
      info.id ||= `explanation-${++explained}`;
      for (const field of info.closest(".block")?.querySelectorAll("input:not([type=file]), textarea") ?? [])
        say(field, "aria-describedby", info.id);
    }
    for (const reset of document.querySelectorAll(".reset-button")) {
      const label = reset.closest(".block").querySelector("[data-testid=block-info]");
      say(reset, "aria-label", `Reset ${label?.innerText.trim()}`);
    }
    for (const empty of document.querySelectorAll(".empty[aria-label]")) say(empty, "role", "img");
    for (const code of document.querySelectorAll(".cm-scroller")) {
      say(code, "tabindex", "0");
      say(code, "role", "region");
      say(code, "aria-label", code.closest(".block").querySelector("[data-testid=block-label]")?.innerText.trim() || "Code");
    }
    for (const toast of document.querySelectorAll(".toast-body")) { // of a refused upload
      const texts = document.createTreeWalker(toast, NodeFilter.SHOW_TEXT);
      while (texts.nextNode()) {
        const text = texts.currentNode;
        if (/^\s*HTTP \d+: /.test(text.data)) text.data = text.data.replace(/^\s*HTTP \d+: /, "");
      }
    }
    for (const [old, name] of Object.entries(NAMES))
      for (const element of document.querySelectorAll(`[aria-label="${old}"]`)) {
        say(element, "aria-label", name);
        if (element.title) element.title = name;
      }
  };

  // Of a button that starts work and the one that stops it, the one that takes the other's place has the focus.
  let row = null;
  addEventListener("focusin", event => (row = event.target.closest?.(".liax-job") ?? null), true);
  const keepFocus = () => {
    if (!row || (document.activeElement !== document.body && shown(document.activeElement))) return;
    [...row.querySelectorAll("button")].find(shown)?.focus({preventScroll: true});
  };

  let pending = false;
  const update = () => {
    pending = false;
    describe();
    noteTab();
    keepFocus();
  };
  openTab();
  addEventListener("hashchange", openTab);
  new MutationObserver(() => pending || (pending = !!requestAnimationFrame(update)))
    .observe(document.body, {childList: true, subtree: true, attributes: true, attributeFilter: ["class", "aria-selected", "style"]});
  update();
}
