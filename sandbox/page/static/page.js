// The page's own behaviour: it takes drawn parts from the server, and hands what a person does to it.

const me = document.body.dataset.me;
const token = document.querySelector('meta[name="page-token"]').content;
const said = document.getElementById("said");
const one = (id) => document.getElementById(id);

// -- what a person does

async function send(path, body) {
  said.textContent = "";
  try {
    const answer = await fetch(`${path}?as=${encodeURIComponent(me)}`, {
      method: "POST",
      headers: { "X-Page-Token": token },
      body,
    });
    if (!answer.ok) said.textContent = await answer.text();
    return answer.ok;
  } catch {
    said.textContent = "The sandbox has ended. Start it again in the terminal.";
    return false;
  }
}

function formOf(values) {
  const form = new FormData();
  for (const [name, value] of Object.entries(values)) form.append(name, value);
  return form;
}

document.addEventListener("submit", async (event) => {
  const form = event.target;
  event.preventDefault();
  const button = event.submitter;
  if (button?.dataset.confirm && !window.confirm(button.dataset.confirm)) return;
  const body = new FormData(form);
  if (form.id === "composer-form") {
    if (!one("composer").value.trim()) return;
    one("composer").value = "";
    await send("/write", body);
    return;
  }
  if (button) button.disabled = true;
  await send(form.getAttribute("action"), body);
  if (button) button.disabled = false;
});

document.addEventListener("click", (event) => {
  const target = event.target.closest("button");
  if (!target) return;
  if (target.dataset.post) send(target.dataset.post, formOf({}));
  if (target.dataset.close) send("/close", formOf({ view_id: target.dataset.close }));
  if (target.dataset.type) {
    one("composer").value = target.dataset.type;
    one("composer").focus();
  }
  if (target.getAttribute("role") === "tab") show(target);
});

document.addEventListener("change", (event) => {
  const box = event.target;
  if (box.dataset.switch) send("/switch", formOf({ name: box.dataset.switch, on: box.checked }));
});

// -- tabs

const tabs = [...document.querySelectorAll('[role="tab"]')];

function show(tab) {
  for (const other of tabs) {
    const chosen = other === tab;
    other.setAttribute("aria-selected", chosen);
    other.tabIndex = chosen ? 0 : -1;
    one(other.getAttribute("aria-controls")).hidden = !chosen;
  }
  const place = tab.dataset.place;
  one("composer-form").hidden = place === "home";
  document.querySelector('[name="place"]').value = place;
  if (place === "@mms") one("unread").hidden = true;
  if (place === "home") send("/home", formOf({}));
  toEnd(one(tab.getAttribute("aria-controls")));
}

document.querySelector('[role="tablist"]').addEventListener("keydown", (event) => {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!step) return;
  const next = tabs[(tabs.indexOf(document.activeElement) + step + tabs.length) % tabs.length];
  next.focus();
  show(next);
});

// A conversation is read from its end; the Home tab from its top.
function toEnd(pane) {
  if (pane.id !== "pane-home") pane.scrollTop = pane.scrollHeight;
}

// -- what the server draws

let opener = null; // where the keyboard was before a dialog came

// Puts the new drawing in the place of the old one, and the keyboard back where it was.
function put(place, html) {
  const focused = place.contains(document.activeElement) ? path(document.activeElement, place) : null;
  const open = [...place.querySelectorAll("details")].map((box) => box.open);
  place.innerHTML = html;
  [...place.querySelectorAll("details")].forEach((box, index) => (box.open = open[index] ?? false));
  if (focused) follow(focused, place)?.focus();
}

function path(node, root) {
  const steps = [];
  for (; node !== root; node = node.parentNode) steps.unshift([...node.parentNode.children].indexOf(node));
  return steps;
}

function follow(steps, root) {
  return steps.reduce((node, step) => node?.children[step], root);
}

function putDialog(html) {
  const place = one("dialog");
  const old = place.querySelector("dialog");
  const fresh = document.createElement("div");
  fresh.innerHTML = html;
  const next = fresh.querySelector("dialog");
  if (!old && next) opener = document.activeElement;
  const kept = old && next && old.dataset.view === next.dataset.view ? valuesIn(old) : null;
  old?.close();
  place.replaceChildren(...fresh.childNodes);
  if (next) {
    if (kept) restore(next, kept);
    next.addEventListener("cancel", (event) => {
      event.preventDefault(); // Escape closes it as Cancel does: the bot may want to know
      send("/close", formOf({ view_id: next.dataset.view }));
    });
    next.showModal();
    const wrong = next.querySelector('[aria-invalid="true"]');
    (wrong ?? next.querySelector("input:not([type=hidden]), textarea, select, footer button"))?.focus();
  } else if (old) {
    (opener?.isConnected ? opener : one("composer")).focus();
  }
}

// What was typed and not sent yet survives a new drawing of the same dialog.
function valuesIn(dialog) {
  return [...dialog.querySelectorAll("input:not([type=hidden]), textarea, select")].map((field) => [
    field.name,
    field.type === "checkbox" || field.type === "radio" ? [field.value, field.checked] : field.value,
  ]);
}

function restore(dialog, kept) {
  for (const [name, value] of kept) {
    for (const field of dialog.querySelectorAll(`[name="${CSS.escape(name)}"]`)) {
      if (!Array.isArray(value)) field.value = value;
      else if (field.value === value[0]) field.checked = value[1];
    }
  }
}

let first = new Set(["general", "direct", "home", "phones", "switches", "hood", "dialog", "bot"]);
const events = new EventSource(`/events?as=${encodeURIComponent(me)}`);
events.addEventListener("part", (event) => {
  const { id, html } = JSON.parse(event.data);
  const seen = !first.delete(id);
  if (id === "dialog") return putDialog(html);
  const place = one(id);
  if (id === "bot") {
    place.textContent = html;
    place.dataset.state = html;
    return;
  }
  const pane = place.closest(".pane");
  const atEnd = pane && pane.scrollHeight - pane.scrollTop - pane.clientHeight < 60;
  put(place, html);
  if (pane && (atEnd || !seen)) toEnd(pane);
  if (id === "direct" && seen && one("pane-direct").hidden) one("unread").hidden = false;
});
events.addEventListener("error", () => {
  first = new Set(["general", "direct", "home", "phones", "switches", "hood", "dialog", "bot"]);
  one("bot").textContent = "No connection to the sandbox";
});
events.addEventListener("open", () => (document.body.dataset.live = "yes"));

// -- light and dark

const theme = one("theme");
const dark = window.matchMedia("(prefers-color-scheme: dark)");

function paint(name) {
  document.documentElement.dataset.theme = name;
  theme.setAttribute("aria-pressed", name === "dark");
}

let chosen = null;
try {
  chosen = localStorage.getItem("theme");
} catch {
  // a browser that keeps nothing
}
paint(chosen ?? (dark.matches ? "dark" : "light"));
theme.addEventListener("click", () => {
  const name = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
  paint(name);
  try {
    localStorage.setItem("theme", name);
  } catch {
    // as above
  }
});
