// Elements, words and numbers: what everything on a page is made of.

const data = JSON.parse(document.getElementById("data").textContent);
const byId = id => document.getElementById(id);
const NAMESPACES = [
  [/^(math|mi|mn|mo|mrow|mfrac|msup|msub|msqrt|mroot|mtext|mspace|mtable|mtr|mtd)$/, "http://www.w3.org/1998/Math/MathML"],
  [/^(svg|g|path|rect|text|tspan|circle|line)$/, "http://www.w3.org/2000/svg"],
  [/./, "http://www.w3.org/1999/xhtml"]];

// An element with attributes, listeners ({on: {click: ...}}) and children; null children are left out.
function make(name, attributes = {}, ...children) {
  const element = document.createElementNS(NAMESPACES.find(([pattern]) => pattern.test(name))[1], name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key === "on") for (const [event, listener] of Object.entries(value)) element.addEventListener(event, listener);
    else if (value !== undefined && value !== null && value !== false) element.setAttribute(key, value);
  }
  element.append(...children.flat().filter(child => child !== null && child !== undefined));
  return element;
}

// Writing is the dear part of a frame, so nothing is written that is there already.
function write(element, text) {
  if (element.written !== text) element.textContent = element.written = text;
}
function put(element, name, value) {
  const key = "put " + name;
  if (element[key] !== value) element.setAttribute(name, element[key] = value);
}

let language = data.language;
function say(key, ...insets) {
  const text = data.words[key]?.[language === "zh" ? 1 : 0] ?? key;
  return insets.reduce((sentence, inset, place) => sentence.replaceAll(`{${place}}`, inset), text);
}

const number = x => typeof x === "string" ? Number(x.replace("nan", "NaN").replace("inf", "Infinity")) : x;
const minus = text => text.replaceAll("-", "−");

// About four significant digits, as Python's side of the page writes them.
function short(x) {
  if (Number.isNaN(x)) return "nan";
  if (!Number.isFinite(x)) return x > 0 ? "∞" : "−∞";
  if (x === 0) return Object.is(x, -0) ? "−0" : "0";
  const size = Math.abs(x);
  if (Number.isInteger(x) && size < 1e6) return minus(String(x));
  if (size < 1e-4 || size >= 1e6) return minus(x.toExponential(3).replace(/\.?0*e\+?/, "e"));
  const digits = x.toFixed(Math.max(0, 3 - Math.floor(Math.log10(size))));
  return minus(digits.includes(".") ? digits.replace(/\.?0+$/, "") : digits);
}
const exact = x => Object.is(x, -0) ? "−0" : minus(String(x)).replace("Infinity", "∞").replace("NaN", "nan");
const bracketed = x => x < 0 || Object.is(x, -0) ? `(${short(x)})` : short(x);

// All words of the page in the language that was chosen.
function speak() {
  document.documentElement.lang = language === "zh" ? "zh-Hans" : "en";
  for (const element of document.querySelectorAll("[data-say]")) write(element, say(element.dataset.say));
  for (const element of document.querySelectorAll("[data-name]")) element.setAttribute("aria-label", say(element.dataset.name));
  write(byId("language"), language === "en" ? "中文" : "English");
  write(byId("play"), say(timer ? "pause" : "play"));
}
