/** Reads server-sent events as a browser does: html.spec.whatwg.org, 9.2.6. */

export interface ServerSentEvent {
  readonly event: string;
  readonly data: string;
  readonly id: string | undefined;
}

/** Complete events only: what has no empty line after it is not dispatched. */
export function readEvents(stream: string): ServerSentEvent[] {
  const events: ServerSentEvent[] = [];
  let data: string[] = [];
  let event = "message";
  let id: string | undefined;
  for (const line of stream.split(/\r\n|\r|\n/)) {
    if (line === "") {
      if (data.length > 0) events.push({ event, data: data.join("\n"), id });
      data = [];
      event = "message";
      id = undefined;
      continue;
    }
    if (line.startsWith(":")) continue;
    const [, field, value = ""] = /^([^:]*)(?:: ?(.*))?$/s.exec(line)!;
    if (field === "data") data.push(value);
    else if (field === "event") event = value;
    else if (field === "id") id = value;
  }
  return events;
}
