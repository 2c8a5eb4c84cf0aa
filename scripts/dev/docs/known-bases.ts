/**
 * docs/bases.md: well-known checkpoints, and what each would take of an isolate. Everything in the table
 * is computed from the settings below, nothing is downloaded. They were compared with the config.json of
 * the checkpoint or of a public copy that names it; COMPARED has those where neither could be read.
 */
import { forecastOf, mayBeCompact } from "../../base/forecast.ts";
import type { Forecast } from "../../base/forecast.ts";
import { markdownTable } from "../../../src/report/text.ts";
import { sizeOf } from "../../../src/core/model/shapes.ts";
import { architectureOf } from "../../../src/encoder/families/families.ts";

interface KnownBase {
  readonly id: string;
  readonly tokenizer: "WordPiece" | "Unigram" | "BPE";
  readonly pooling: "mean" | "cls" | "none";
  /** What its authors put before a text; empty where they put nothing. */
  readonly prefixes: string;
  readonly config: Readonly<Record<string, string | number>>;
}

const bert = (layers: number, hidden: number, heads: number, vocab = 30_522) => ({
  model_type: "bert",
  num_hidden_layers: layers,
  hidden_size: hidden,
  num_attention_heads: heads,
  intermediate_size: 4 * hidden,
  max_position_embeddings: 512,
  type_vocab_size: 2,
  vocab_size: vocab,
});

const modernbert = (
  layers: number,
  hidden: number,
  heads: number,
  intermediate: number,
  positions: number,
) => ({
  model_type: "modernbert",
  num_hidden_layers: layers,
  hidden_size: hidden,
  num_attention_heads: heads,
  intermediate_size: intermediate,
  max_position_embeddings: positions,
  vocab_size: 50_368,
});

const E5 = '"query: " and "passage: "';
const SEARCH = '"Represent this sentence for searching relevant passages: " before a query';

const KNOWN: readonly KnownBase[] = [
  base("sentence-transformers/all-MiniLM-L6-v2", "WordPiece", "mean", "", bert(6, 384, 12)),
  base("BAAI/bge-small-en-v1.5", "WordPiece", "cls", SEARCH, bert(12, 384, 12)),
  base("intfloat/e5-small-v2", "WordPiece", "mean", E5, bert(12, 384, 12)),
  base("thenlper/gte-small", "WordPiece", "mean", "", bert(12, 384, 12)),
  base("Snowflake/snowflake-arctic-embed-xs", "WordPiece", "cls", SEARCH, bert(6, 384, 12)),
  base(
    "sentence-transformers/paraphrase-multilingual-MiniLM-L12-v2",
    "Unigram",
    "mean",
    "",
    bert(12, 384, 12, 250_037),
  ),
  base("intfloat/multilingual-e5-small", "Unigram", "mean", E5, bert(12, 384, 12, 250_037)),
  base("distilbert/distilbert-base-uncased", "WordPiece", "none", "", {
    model_type: "distilbert",
    n_layers: 6,
    dim: 768,
    n_heads: 12,
    hidden_dim: 3072,
    max_position_embeddings: 512,
    vocab_size: 30_522,
  }),
  base("ibm-granite/granite-embedding-30m-english", "BPE", "cls", "", {
    ...bert(6, 384, 12, 50_265),
    model_type: "roberta",
    max_position_embeddings: 514,
    pad_token_id: 1,
  }),
  base("jhu-clsp/ettin-encoder-17m", "BPE", "none", "", modernbert(7, 256, 4, 384, 7_999)),
  base("jhu-clsp/ettin-encoder-32m", "BPE", "none", "", modernbert(10, 384, 6, 576, 7_999)),
  base("jhu-clsp/ettin-encoder-68m", "BPE", "none", "", modernbert(19, 512, 8, 768, 7_999)),
  base("answerdotai/ModernBERT-base", "BPE", "none", "", modernbert(22, 768, 12, 1152, 8_192)),
  base("EuroBERT/EuroBERT-210m", "BPE", "none", "", {
    model_type: "eurobert",
    num_hidden_layers: 12,
    hidden_size: 768,
    num_attention_heads: 12,
    num_key_value_heads: 12,
    intermediate_size: 3072,
    max_position_embeddings: 8_192,
    vocab_size: 128_256,
  }),
];

/** What else the settings of a checkpoint were compared with. */
const COMPARED: ReadonlyMap<string, string> = new Map([
  ["Snowflake/snowflake-arctic-embed-xs", "size of its file"],
  ["jhu-clsp/ettin-encoder-17m", "training settings"],
  ["jhu-clsp/ettin-encoder-32m", "training settings"],
  ["jhu-clsp/ettin-encoder-68m", "training settings"],
]);

function base(
  id: string,
  tokenizer: KnownBase["tokenizer"],
  pooling: KnownBase["pooling"],
  prefixes: string,
  config: KnownBase["config"],
): KnownBase {
  return { id, tokenizer, pooling, prefixes, config };
}

const mb = (bytes: number): string => (bytes / 1e6).toFixed(0);

/** "24 / 30": wasm memory after loading and with a text of 512 tokens. */
const heapOf = ({ weights, run }: Forecast): string => `${mb(weights)} / ${mb(weights + run)}`;

/** The table of docs/bases.md. */
export function knownBases(): string {
  const rows = KNOWN.map(({ id, tokenizer, pooling, prefixes, config: settings }) => {
    const architecture = architectureOf(settings);
    const config = architecture.readConfig(settings);
    const parameters = architecture
      .tensors(config)
      .filter(({ kind }) => kind !== "pooler")
      .reduce((sum, { dims }) => sum + sizeOf(dims), 0);
    const int8 = forecastOf(config, "int8");
    const compact = mayBeCompact(config) ? forecastOf(config, "compact") : null;
    const form = int8.fits ? "int8" : compact?.fits ? "compact" : null;
    return [
      `\`${id}\``,
      String(settings["model_type"]),
      tokenizer,
      `${(parameters / 1e6).toFixed(0)} M`,
      pooling,
      prefixes,
      heapOf(int8),
      compact ? heapOf(compact) : "",
      form === null ? "🔴 no" : `🟢 ${form}, ${mb((form === "int8" ? int8 : compact!).peak)}`,
      COMPARED.get(id) ?? "config.json",
    ];
  });
  const head = [
    "checkpoint",
    "family",
    "tokenizer",
    "parameters",
    "pooling",
    "before a text",
    "heap, int8",
    "heap, compact",
    "fits, peak",
    "compared with",
  ];
  return markdownTable([head, ...rows]);
}
