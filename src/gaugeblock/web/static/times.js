// Times come in UTC; a reader sees the clock on the wall, with the exact UTC time in the title.

const CLOCK = new Intl.DateTimeFormat("sv-SE", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const FULL = new Intl.DateTimeFormat("sv-SE", { dateStyle: "short", timeStyle: "medium" });

/** Rewrites every time below `root` to local time, ISO order in both languages. */
export function showTimes(root = document) {
  for (const time of root.querySelectorAll("time[datetime]")) {
    time.textContent = (time.dataset.form === "full" ? FULL : CLOCK).format(new Date(time.dateTime));
  }
}
