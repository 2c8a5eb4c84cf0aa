/** Words by which names in an encyclopaedia are told apart. */

const words = (text: string): ReadonlySet<string> => new Set(text.trim().split(/\s+/));

export type EntityType = "PER" | "LOC" | "ORG";

/** What a first sentence calls its subject: "was a French *composer*". */
export const KINDS: Readonly<Record<EntityType, ReadonlySet<string>>> = {
  PER: words(`
    actor actress singer songwriter politician player footballer writer author poet composer musician
    scientist physicist mathematician philosopher painter sculptor architect director filmmaker producer
    screenwriter lawyer journalist king queen emperor empress bishop archbishop pope cardinal saint monk
    priest general admiral officer soldier economist historian engineer inventor novelist playwright
    artist businessman businesswoman entrepreneur coach manager driver athlete cricketer swimmer boxer
    wrestler comedian dancer guitarist drummer pianist violinist rapper model chemist biologist
    astronomer astronaut theologian psychologist linguist logician programmer activist diplomat
    statesman explorer nobleman noblewoman prince princess duke earl baron photographer cartoonist
    animator physician surgeon judge professor scholar naturalist botanist geologist critic essayist
    biographer translator conductor organist bassist vocalist skater golfer cyclist sprinter jockey
    pitcher outfielder quarterback linebacker goaltender goalkeeper midfielder defender senator
    congressman president chancellor pharaoh sultan caliph tsar geneticist sociologist anthropologist
    archaeologist philologist revolutionary`),
  LOC: words(`
    city town village municipality commune district county province region country republic river lake
    mountain suburb neighbourhood neighborhood borough parish capital sea bay valley township prefecture
    peninsula island islands hamlet settlement territory archipelago volcano desert forest strait canal
    plateau crater state canton oblast voivodeship locality community`),
  ORG: words(`
    band company corporation organization organisation university college school club team party agency
    institute institution association league orchestra newspaper airline bank publisher charity union
    federation manufacturer society ministry department retailer broadcaster conglomerate consortium firm
    duo trio quartet label studio museum seminary academy foundation startup brewery network channel chain
    franchise subsidiary distributor developer carrier regiment militia guild choir ensemble parliament
    legislature court army navy cooperative`),
};

/** What is certainly none of the three: works, languages, events, kinds of things. */
export const OTHER_KINDS = words(`
  film movie album song single novel book play poem opera musical comedy drama series sitcom show game
  comic painting language dialect family genus species order class war battle treaty revolution
  religion holiday festival award prize tournament championship programming protocol format disease
  element compound drug alloy letter number constant theorem unit calendar month decade century ep
  compilation soundtrack episode documentary software ship aircraft car automobile rifle missile satellite
  spacecraft beer sport theory algorithm law constitution mythology console motorcycle warship submarine
  battleship bomber locomotive rocket virus breed currency cuisine miniseries trilogy anthology memoir
  manuscript sculpture hymn anthem`);

/** Places that are named everywhere and need no article of their own. */
export const PLACES: readonly string[] = [
  ...words(`
    France Germany Italy Spain Russia China Japan Greece England Britain Scotland Wales Ireland India
    Canada Australia Turkey Egypt Persia Iran Iraq Israel Mexico Brazil Korea Vietnam Austria Hungary
    Portugal Belgium Switzerland Finland Sweden Norway Denmark Poland Ukraine Romania Bulgaria Serbia
    Netherlands Europe Africa Asia America California Texas London Paris Berlin Rome Moscow Tokyo
    Washington Chicago Boston Philadelphia Vienna Madrid Athens Jerusalem Istanbul Constantinople Cuba
    Chile Colombia Ecuador Peru Argentina Venezuela Bolivia Afghanistan Pakistan Bangladesh Nepal
    Thailand Cambodia Indonesia Malaysia Singapore Taiwan Mongolia Kazakhstan Armenia Azerbaijan Syria
    Lebanon Jordan Kuwait Yemen Libya Algeria Morocco Tunisia Sudan Ethiopia Kenya Nigeria Ghana Angola
    Zimbabwe Croatia Slovenia Slovakia Albania Macedonia Iceland Estonia Latvia Lithuania Cyprus Malta
    Luxembourg Jamaica Haiti Panama Guatemala Nicaragua Honduras Alaska Hawaii Florida Ohio Michigan
    Virginia Georgia Alabama Arizona Nevada Utah Colorado Oregon Minnesota Wisconsin Illinois Indiana
    Kansas Oklahoma Louisiana Mississippi Tennessee Kentucky Pennsylvania Massachusetts Connecticut Maine
    Vermont Copenhagen Amsterdam Brussels Prague Budapest Warsaw Stockholm Oslo Helsinki Dublin Edinburgh
    Lisbon Barcelona Milan Venice Florence Naples Munich Hamburg Cologne Geneva Zurich Toronto Montreal
    Sydney Melbourne Delhi Mumbai Beijing Shanghai Seattle Denver Detroit Houston Dallas Miami Atlanta
    Baltimore US UK U.S.`),
  "United States",
  "United Kingdom",
  "New York",
  "New York City",
  "Los Angeles",
  "San Francisco",
  "New Zealand",
  "South Africa",
  "Soviet Union",
  "North America",
  "South America",
  "Great Britain",
  "Middle East",
];

/** Written with a capital letter, and neither persons, places nor organisations. */
export const NO_NAMES = words(`
  American English British French German Italian Spanish Russian Chinese Japanese Greek Roman Latin Jewish
  Christian Catholic Protestant Muslim Islamic European African Asian Soviet Dutch Swedish Norwegian Danish
  Polish Irish Scottish Welsh Indian Canadian Australian Turkish Arab Arabic Hebrew Egyptian Persian Iranian
  Iraqi Israeli Mexican Brazilian Korean Vietnamese Austrian Hungarian Czech Portuguese Belgian Swiss Finnish
  Ukrainian Romanian Bulgarian Serbian Byzantine Ottoman Celtic Germanic Slavic Buddhist Hindu January
  February March April May June July August September October November December Monday Tuesday Wednesday
  Thursday Friday Saturday Sunday Christmas Easter God Internet I World War II BC AD CE BCE English-language
  Olympic Olympics Nobel Prize Bible Renaissance Earth Sun Moon Democratic Republican Communist Nazi Nazis
  DNA TV CD DVD UK's`);

/** First words of a paragraph that name nothing. */
export const NO_SUBJECTS = words(`
  It He She This These They There In His Her Its One Another Each Both Some Such A An On At As What Who`);

/** Small words within a name. */
export const LINKS = words("of the de la van von and for &");

/** Before a person's name, and no part of it. */
export const TITLES = words(`
  Mr Mrs Dr Sir Lord Lady President King Queen Emperor Pope General Professor Prince Princess Captain
  Colonel Senator Bishop`);

/** A name of several words that begins or ends so is an organisation or a place. */
export const ORGANISATION_STARTS = words("University Ministry Department Institute Bank");
/** Of these one may be for several things: "Department of Health and Human Services". */
export const OFFICES = words("Ministry Department");
export const ORGANISATION_ENDS = words(`
  Inc Corp Corporation Company Ltd University College Institute Association Party Orchestra Records School
  Academy Committee Council Union League Club Society Museum Bank Ministry Agency Church
  Foundation Airlines Airways Army Navy F.C. FC United Group Studios Pictures Press Times Hospital Library
  Court Senate Parliament Congress`);
export const PLACE_ENDS = words(`
  River Lake Island Islands Mountains County City Bay Valley Sea Ocean Peninsula Province District Street
  Avenue Park Airport Bridge Castle Square Desert Township`);
