// Moves the NOW line and keeps health, viewers and warnings current. The page is whole without it.
"use strict";
(() => {
  const body = document.body;
  const seconds = (iso) => Date.parse(iso) / 1000;
  // Station time is the server's; this machine's clock only counts on from it.
  let anchor = seconds(body.dataset.now) - performance.now() / 1000;
  const now = () => anchor + performance.now() / 1000;

  const clock = document.getElementById("clock");
  const frame = document.querySelector(".now-line");
  const line = document.getElementById("now");
  const cells = [...document.querySelectorAll("td[data-start]")].map((cell) => ({
    cell, start: seconds(cell.dataset.start), end: seconds(cell.dataset.end),
  }));
  const face = new Intl.DateTimeFormat("en-GB", {
    hour: "2-digit", minute: "2-digit", timeZone: body.dataset.timezone,
  });

  function move() {
    const at = now();
    clock.textContent = face.format(at * 1000);
    if (!frame) return;
    const start = seconds(frame.dataset.start), end = seconds(frame.dataset.end);
    frame.toggleAttribute("hidden", at < start || at >= end);
    line.setAttribute("x", `${((at - start) / (end - start)) * 100}%`);
    for (const { cell, start, end } of cells) {
      const on = start <= at && at < end;
      let bar = cell.querySelector("progress");
      cell.classList.toggle("on-now", on);
      if (on) {
        cell.setAttribute("aria-current", "time");
        if (!bar) {
          bar = document.createElement("progress");
          bar.setAttribute("aria-label", "On now");
          cell.append(bar);
        }
        bar.max = end - start;
        bar.value = at - start;
      } else {
        cell.removeAttribute("aria-current");
        if (bar) bar.remove();
      }
    }
  }

  function warn(texts) {
    const box = document.getElementById("warnings");
    const shown = [...box.children].map((p) => p.textContent);
    if (shown.join("\n") === texts.join("\n")) return;
    box.replaceChildren(...texts.map((text) => {
      const p = document.createElement("p");
      p.className = "warning";
      p.textContent = text;
      return p;
    }));
    box.hidden = texts.length === 0;
  }

  async function refresh() {
    if (document.hidden) return;
    try {
      const answer = await fetch("/now.json", { cache: "no-store" });
      if (!answer.ok) throw new Error(answer.status);
      const fresh = await answer.json();
      anchor = seconds(fresh.now) - performance.now() / 1000;
      warn(fresh.warnings);
      for (const channel of fresh.channels) {
        const row = document.querySelector(`tr[data-channel="${CSS.escape(channel.channel)}"]`);
        if (!row) continue;
        const state = row.querySelector(".state");
        state.dataset.health = channel.health;
        state.title = channel.detail;
        state.querySelector(".text").textContent = channel.text;
      }
      // A new half hour: "/" begins with it.
      if ("live" in body.dataset && frame && seconds(fresh.half_hour) > seconds(frame.dataset.start)) {
        location.reload();
      }
    } catch {
      warn(["The station does not answer. Trying again."]);
    }
    move();
  }

  move();
  setInterval(move, 1000);
  setInterval(refresh, 20000);
  document.addEventListener("visibilitychange", refresh);
})();
