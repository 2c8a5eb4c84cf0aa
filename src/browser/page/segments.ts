/**
 * Entities laid over their text: the text cut into pieces with and without an entity, and both kinds
 * of offsets. Offsets of an answer count code points, as Python does; strings here count UTF-16 units.
 */

/** An entity of an answer; offsets in code points. */
export interface FoundEntity {
  readonly entity_group: string;
  readonly score: number;
  readonly word: string;
  readonly start: number;
  readonly end: number;
}

/** An entity with its place in UTF-16 units beside that in code points. */
export interface PlacedEntity extends FoundEntity {
  readonly utf16: { readonly start: number; readonly end: number };
}

/** A piece of the text, with the entity that covers it. */
export interface Segment {
  readonly text: string;
  readonly entity: PlacedEntity | null;
}

/** Pieces of `text` in their order; joined they are the text. Entities stand in the text's order and do not overlap. */
export function segmentsOf(text: string, entities: readonly FoundEntity[]): Segment[] {
  const unitsAt = codePointStarts(text);
  const segments: Segment[] = [];
  let at = 0;
  for (const entity of entities) {
    const start = unitsAt(entity.start);
    const end = unitsAt(entity.end);
    if (start < at || end <= start) continue;
    if (start > at) segments.push({ text: text.slice(at, start), entity: null });
    const placed = { ...entity, utf16: { start, end } };
    segments.push({ text: text.slice(start, end), entity: placed });
    at = end;
  }
  if (at < text.length) segments.push({ text: text.slice(at), entity: null });
  return segments;
}

/** A function from a count of code points to the UTF-16 unit that stands there. */
function codePointStarts(text: string): (codePoint: number) => number {
  const starts: number[] = [];
  for (let unit = 0; unit < text.length; unit += text.codePointAt(unit)! > 0xffff ? 2 : 1) {
    starts.push(unit);
  }
  return (codePoint) => starts[codePoint] ?? text.length;
}

/** Groups of the entities in the order of their first appearance, each with how many there are. */
export function legendOf(
  entities: readonly Pick<FoundEntity, "entity_group">[],
): { readonly group: string; readonly count: number }[] {
  const counts = new Map<string, number>();
  for (const { entity_group: group } of entities) counts.set(group, (counts.get(group) ?? 0) + 1);
  return [...counts].map(([group, count]) => ({ group, count }));
}

/** How many colours style.css has for entities. */
export const COLOURS = 8;

/**
 * The colour of each group of a text: that of its place among the task's groups, so that a group keeps
 * its colour from text to text; where another group of the text has it, the next one that is free.
 */
export function coloursOf(
  taskGroups: readonly string[],
  textGroups: readonly string[],
): ReadonlyMap<string, number> {
  const colours = new Map<string, number>();
  for (const group of textGroups) {
    const own = Math.max(0, taskGroups.indexOf(group)) % COLOURS;
    const taken = new Set(colours.values());
    const free = Array.from({ length: COLOURS }, (_, step) => (own + step) % COLOURS).find(
      (colour) => !taken.has(colour),
    );
    colours.set(group, free ?? own);
  }
  return colours;
}
