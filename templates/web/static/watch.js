// Keeps the picture live, the sound as it was chosen, and the line below it true.
"use strict";

const screen_ = document.getElementById("screen");
const sound = document.getElementById("sound");
const now = document.getElementById("now");
const fault = document.getElementById("fault");

function wanted(on) {
  screen_.muted = !on;
  sound.setAttribute("aria-pressed", String(on));
  try { localStorage.setItem("sound", on ? "on" : "off"); } catch { /* a browser that keeps nothing */ }
}

sound.addEventListener("click", () => wanted(screen_.muted));
document.getElementById("whole").addEventListener("click", () => screen_.requestFullscreen?.());

// A browser lets sound begin only where somebody has touched the page or the site before.
let chosen = "off";
try { chosen = localStorage.getItem("sound"); } catch { /* as above */ }
if (chosen === "on") {
  screen_.muted = false;
  screen_.play().then(() => wanted(true), () => { screen_.muted = true; screen_.play().catch(() => {}); });
}

// Nobody watches yesterday: what was missed, in a pause or a stall, is left out.
screen_.addEventListener("play", () => {
  const end = screen_.buffered.length ? screen_.buffered.end(screen_.buffered.length - 1) : 0;
  if (end - screen_.currentTime > 12) screen_.currentTime = end - 5.5;
});

screen_.addEventListener("error", failed, true);
screen_.addEventListener("ended", () => window.setTimeout(() => location.reload(), 2000));
function failed() {
  if (screen_.networkState !== HTMLMediaElement.NETWORK_NO_SOURCE && !screen_.error) return;
  fault.textContent = "No picture: the channel can't be tuned now, or this browser can't play it.";
  fault.hidden = false;
}

async function look() {
  try {
    const news = await (await fetch("/now.json", { cache: "no-store" })).json();
    const here = news.channels.find((c) => c.channel === document.body.dataset.channel);
    if (here?.now) {
      const title = document.createElement("b");
      title.textContent = here.now.title;
      const times = document.createElement("span");
      times.textContent = here.now.times;
      now.replaceChildren(title, here.now.subtitle ? ` · ${here.now.subtitle} ` : " ", times);
    }
  } catch { /* the next look may succeed */ }
}
window.setInterval(look, 10_000);
