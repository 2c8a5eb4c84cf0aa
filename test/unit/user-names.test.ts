/**
 * What the task `entities` makes of user names, addresses, links and hashtags. The sentences are written by
 * hand and in no data of the task; docs/tasks.md quotes what is counted here.
 */
import { join } from "node:path";
import { beforeAll, expect, it } from "vitest";
import { PREFIXES } from "../support/bundled-tasks.ts";
import { runVerb } from "../support/verb.ts";

/** Names stand in brackets with their type, what is no name in braces. */
const SENTENCES = [
  "{@AngelaMerkel} said that the talks in [Paris LOC] will go on.",
  "Mail {bob@acme.com} before you fly to [Berlin LOC].",
  "Thanks {@john_smith} for the photos from [London LOC]!",
  "{@Siemens} and {@BMW} have not answered yet.",
  "I asked {@BarackObama} about [Chicago LOC], no answer.",
  "Write to {angela.merkel@bundestag.de} or call [Peter Altmaier PER].",
  "The photos are at {https://www.london.gov.uk/parks}.",
  "Join us in [New York LOC] on Friday {#MondayMotivation}",
  "{@nytimes} has a story on [Hillary Clinton PER] today.",
  "Please forward this to {maria.garcia@madrid.es} by noon.",
  "RT {@TaylorSwift13}: see you tonight",
  "My sister works for [Google ORG], her handle is {@annalee_paris}.",
  "Send the invoice to {paul.brown@siemens.com}.",
  "{@realMadrid} beat [Barcelona ORG] again.",
  "[David Cameron PER] replied to {@EmmaWatson} within an hour.",
  "More under {www.harvard.edu/about}, says [Harvard University ORG].",
  "Contact: {info@london-museum.org}",
  "good morning {@Chris_Evans} and {@ScarlettJ}, lovely weather here",
  "cc {@IBM} {@Microsoft} {@intel} any news about the outage?",
  "We met [Anna Schmidt PER] at the station, not {@annaschmidt}.",
  "{sarah.jones@bbc.co.uk} is no longer in use.",
  "The [European Union ORG] answered {@NigelFarage} in a letter.",
  "If the page is down, try {http://jordan.example.com/washington}.",
  "{@Jack} {@Biz} {@Ev} happy birthday!",
  "a letter from [Tokyo LOC], posted by {@kenji.tanaka}",
  "So {#grateful} for this week, {#nofilter}",
  "Ask {@support_Vodafone} why the line to [Madrid LOC] is dead.",
  "The address {joe@ford.com} belongs to [Joe Miller PER].",
  "{@LadyGaga} is not coming to [Rome LOC] this year.",
  "Reply to {no-reply@amazon.de} and nothing happens.",
  "As {@ProfJaneDoe} wrote, [Marie Curie PER] was born in [Warsaw LOC].",
  "Follow {@NASA} for pictures of the launch in [Florida LOC].",
] as const;

interface Place {
  readonly start: number;
  readonly end: number;
}
interface Entity extends Place {
  readonly entity_group: string;
}
/** A sentence without its marks, the names in it, and the places of what is no name. */
interface Marked {
  readonly text: string;
  readonly names: readonly Entity[];
  readonly others: readonly Place[];
}

const MARKS = /\[(?<name>[^\]]+) (?<type>[A-Z]+)\]|\{(?<other>[^}]+)\}|[^[{]+/g;

function read(sentence: string): Marked {
  const names: Entity[] = [];
  const others: Place[] = [];
  let text = "";
  for (const { 0: plain, groups } of sentence.matchAll(MARKS)) {
    const { name, type, other } = groups!;
    const start = text.length;
    text += name ?? other ?? plain;
    const place = { start, end: text.length };
    if (name !== undefined) names.push({ entity_group: type!, ...place });
    if (other !== undefined) others.push(place);
  }
  return { text, names, others };
}

const marked = SENTENCES.map(read);
let answers: readonly (readonly Entity[])[];

beforeAll(async () => {
  const texts = marked.map(({ text }) => text);
  const { out } = await runVerb("predict", join(PREFIXES, "entities"), ...texts);
  answers = out.map((line) => (JSON.parse(line) as { result: Entity[] }).result);
});

it("none of them has an entity within", () => {
  const taken = marked.flatMap(({ text, others }, i) =>
    others
      .filter(({ start, end }) => answers[i]!.some((one) => one.start < end && start < one.end))
      .map(({ start, end }) => text.slice(start, end)),
  );
  expect(marked.flatMap(({ others }) => others)).toHaveLength(39);
  expect(taken).toEqual([]);
});

it("nearly all names beside them are found", () => {
  const missed = marked.flatMap(({ text, names }, i) =>
    names
      .filter(
        ({ start, end, entity_group }) =>
          !answers[i]!.some(
            (one) => one.start === start && one.end === end && one.entity_group === entity_group,
          ),
      )
      .map(({ start, end }) => text.slice(start, end)),
  );
  expect(marked.flatMap(({ names }) => names)).toHaveLength(20);
  // It takes the club for the town.
  expect(missed).toEqual(["Barcelona"]);
});
