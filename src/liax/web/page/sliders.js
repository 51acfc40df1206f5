// Sliders: of the options, and of the controls in the export's card.

const TITLES = {head: "Head", mouth: "Mouth", eyes: "Eyes", brows: "Brows", gaze: "Gaze", other: "Other"};
const STEPS = 200;

// A slider's value beside it, as text.
const text = (value, unit) => `${+value.toFixed(Math.abs(value) < 10 ? 2 : 0)}${unit === "deg" ? "°" : unit ? ` ${unit}` : ""}`;

export function setUp(input, [low, high, value], unit, changed) {
  Object.assign(input, {min: low, max: high, step: (high - low) / STEPS, value});
  const output = input.closest("label").querySelector("output");
  const show = () => {
    output.textContent = text(input.valueAsNumber, unit);
    input.setAttribute("aria-valuetext", output.textContent);
  };
  input.addEventListener("input", () => {
    show();
    changed(input.valueAsNumber);
  });
  input.addEventListener("dblclick", () => set(input, value));
  show();
}

export function set(input, value) {
  input.value = value;
  input.dispatchEvent(new Event("input"));
}

// A slider for each control, by group.
export function build(place, controls, changed) {
  const groups = new Map();
  for (const {name, group, unit, low, high, meaning} of controls) {
    if (!groups.has(group)) {
      const details = document.createElement("details"), summary = document.createElement("summary");
      summary.textContent = TITLES[group] ?? group;
      details.append(summary);
      details.open = groups.size === 0;
      groups.set(group, details);
    }
    const label = Object.assign(document.createElement("label"), {className: "slider", title: meaning.split(";")[0]});
    const input = Object.assign(document.createElement("input"), {type: "range", name});
    const title = Object.assign(document.createElement("span"), {textContent: name[0].toUpperCase() + name.slice(1)});
    label.append(title, document.createElement("output"), input);
    groups.get(group).append(label);
    setUp(input, [low, high, 0], unit, value => changed(name, value));
  }
  place.replaceChildren(...groups.values());
}
