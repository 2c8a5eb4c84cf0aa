/**
 * Reads a body of multipart/form-data (RFC 7578) piece by piece: a file that is sent may be larger
 * than the memory of an isolate, which is what `request.formData()` would need.
 */
import { joinBytes } from "../../core/bytes.ts";
import { InputError } from "../../core/errors.ts";
import { decodeLoosely, encodeUtf8 } from "../../core/text.ts";

/** One field; its body must be read before the next one is asked for. */
export interface FormField {
  readonly name: string;
  /** Of a file. */
  readonly filename: string | null;
  readonly body: AsyncIterable<Uint8Array>;
}

/** Headers of a field: two lines and a file's name. */
const MAX_HEADER_BYTES = 8_192;

const wrong = (what: string): InputError =>
  new InputError("form-invalid", `body: ${what}; send multipart/form-data`);

/** The fields in their order. Throws InputError `form-invalid`. */
export async function* readForm(
  body: ReadableStream<Uint8Array> | null,
  contentType: string,
): AsyncGenerator<FormField> {
  const [, quoted, plain] =
    /^multipart\/form-data\s*;.*?boundary=(?:"([^"]{1,70})"|([^\s;"]{1,70}))/i.exec(contentType) ??
    [];
  const boundary = quoted ?? plain;
  if (boundary === undefined || body === null) throw wrong("is no form with a boundary");
  const delimiter = encodeUtf8(`\r\n--${boundary}`);
  const input = createInput(body);
  // The first delimiter may stand at the very beginning, without a line end before it.
  input.unread(encodeUtf8("\r\n"));
  for await (const _ of input.until(delimiter));
  while (true) {
    const after = await input.take(2);
    if (after === "--") break;
    if (after !== "\r\n") throw wrong("has something behind a boundary");
    const head = await readHead(input);
    const field = input.until(delimiter);
    yield { ...head, body: field };
    // What was not read is passed over.
    for await (const _ of field);
  }
  await input.drop();
}

/** content-disposition: form-data; name="file"; filename="rows.jsonl" */
async function readHead(input: Input): Promise<Pick<FormField, "name" | "filename">> {
  let text = "\r\n";
  while (!text.endsWith("\r\n\r\n")) {
    if (text.length > MAX_HEADER_BYTES) throw wrong("has a field with headers that are too long");
    text += await input.line();
  }
  const line = /\r\ncontent-disposition:([^\r]*)/i.exec(text)?.[1] ?? "";
  const parameter = (name: string): string | null =>
    new RegExp(`;\\s*${name}="([^"]*)"`, "i").exec(line)?.[1] ?? null;
  const name = parameter("name");
  if (name === null) throw wrong("has a field without a name");
  return { name, filename: parameter("filename") };
}

interface Input {
  unread(bytes: Uint8Array): void;
  /** The bytes before a delimiter, which is passed over. Can be iterated on after a break. */
  until(delimiter: Uint8Array): AsyncIterableIterator<Uint8Array>;
  take(count: number): Promise<string>;
  /** The rest of a line with its line end. */
  line(): Promise<string>;
  /** Reads on to the end, and forgets it. */
  drop(): Promise<void>;
}

function createInput(body: ReadableStream<Uint8Array>): Input {
  const reader = body.getReader();
  let held: Uint8Array = new Uint8Array(0);

  async function more(): Promise<void> {
    const { done, value } = await reader.read();
    if (done) throw wrong("ends before its last boundary");
    held = held.length === 0 ? value : joinBytes([held, value]);
  }

  const input: Input = {
    unread: (bytes) => void (held = joinBytes([bytes, held])),
    until(delimiter) {
      let isOver = false;
      const iterator: AsyncIterableIterator<Uint8Array> = {
        [Symbol.asyncIterator]: () => iterator,
        async next() {
          while (!isOver) {
            const at = indexOf(held, delimiter);
            // A delimiter may begin in the last bytes and end in those to come.
            const sure = at === -1 ? held.length - delimiter.length + 1 : at;
            if (at !== -1) isOver = true;
            if (sure > 0 || isOver) {
              const piece = held.subarray(0, Math.max(0, sure));
              held = held.subarray(isOver ? at + delimiter.length : piece.length);
              if (piece.length > 0) return { done: false, value: piece };
              continue;
            }
            await more();
          }
          return { done: true, value: undefined };
        },
      };
      return iterator;
    },
    async take(count) {
      while (held.length < count) await more();
      const text = decodeLoosely(held.subarray(0, count));
      held = held.subarray(count);
      return text;
    },
    async line() {
      let end = held.indexOf(0x0a);
      while (end === -1) {
        if (held.length > MAX_HEADER_BYTES) throw wrong("has a header that is too long");
        await more();
        end = held.indexOf(0x0a);
      }
      return input.take(end + 1);
    },
    async drop() {
      while (!(await reader.read()).done);
    },
  };
  return input;
}

function indexOf(bytes: Uint8Array, wanted: Uint8Array): number {
  const first = wanted[0]!;
  for (let at = bytes.indexOf(first); at !== -1; at = bytes.indexOf(first, at + 1)) {
    if (at + wanted.length > bytes.length) return -1;
    let i = 1;
    while (i < wanted.length && bytes[at + i] === wanted[i]) i++;
    if (i === wanted.length) return at;
  }
  return -1;
}
