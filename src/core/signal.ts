/** What the library needs of an AbortSignal, which its type settings do not know. */
export interface StopSignal {
  readonly aborted: boolean;
  /** Throws the reason when the work was called off. */
  throwIfAborted(): void;
}
