/** Names that are made of file names, and the command that puts a downloaded task live. */

/** The longest name that is made; a task's may have 64 characters. */
const MAX_LENGTH = 40;

/** A name for a task out of its data file's: "My Tickets (2).csv" is "my-tickets-2". */
export function taskName(fileName: string): string {
  const stem = fileName.replace(/\.gz$/i, "").replace(/\.[^.]*$/, "");
  const name = stem
    .toLowerCase()
    .normalize("NFKD")
    .replace(/[^a-z0-9]+/g, "-")
    .slice(0, MAX_LENGTH)
    .replace(/^-+|-+$/g, "");
  return name === "" ? "my-task" : name;
}

/** What to type where the zip was unpacked. `base` is null for the one that comes with the project. */
export const pushCommand = (task: string, base: string | null): string =>
  `npx edge-prefix push ${base === null ? "" : `--base models/${base} `}${task} --remote`;

/** "about 40 seconds", "about 12 minutes" */
export function timeLeft(seconds: number): string {
  if (seconds < 90) return `about ${Math.max(1, Math.round(seconds))} s`;
  if (seconds < 5_400) return `about ${Math.round(seconds / 60)} minutes`;
  return `about ${(seconds / 3_600).toFixed(1)} hours`;
}
