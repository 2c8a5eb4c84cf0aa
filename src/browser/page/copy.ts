/** Copies a text, and says on the button that it did. */

/** How long a button says so. */
const SAID_MS = 1_500;

export async function copyText(button: HTMLButtonElement, text: string): Promise<void> {
  const label = (button.dataset["label"] ??= button.textContent ?? "");
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
  } catch {
    // Without permission, or without https: the text can still be selected by hand.
    button.textContent = "Not allowed by the browser";
  }
  setTimeout(() => (button.textContent = label), SAID_MS);
}
