/** The dependency rule (src/README.md): what the files of each folder may import. */
import { HTTP_GROUPS } from "./http-imports.ts";

/** What a group of files may import, besides its own group. */
interface Group {
  readonly name: string;
  readonly files: RegExp;
  readonly may: readonly RegExp[];
  /** May be imported as types only. */
  readonly types?: readonly RegExp[];
}

const CORE = /^src\/core\//;
const CORE_ROOT = /^src\/core\/[^/]+$/;
const CORE_TOKENIZER = /^src\/core\/tokenizer\//;
const CORE_SIGNING = /^src\/core\/signing\//;
const CORE_MODEL = /^src\/core\/model\//;
const SERVE_BUCKET = /^src\/serve\/bucket\//;
const S3_UPLOADS = /^src\/serve\/bucket\/s3-uploads\.ts$/;
const SERVE_QUEUE = /^src\/serve\/queue\//;
/** A loaded graph as training sees it, a loaded base as serving and measuring do; types alone. */
const SESSION = /^src\/engine\/session\.ts$/;
const ENGINE = /^src\/engine\/engine\.ts$/;
const ENGINE_ROOT = /^src\/engine\/[^/]+$/;
/** Which engine serves a base. */
const ENGINE_CHOICE = /^src\/engine\/simd\/(?:serving-engine|memory)\.ts$/;
const ENGINE_KERNELS = /^src\/engine\/simd\/kernels\//;
const ENGINE_IMAGES = /^src\/engine\/ort\/images\//;
const GRAPH = /^src\/graph\//;
const GRAPH_SHAPES = /^src\/graph\/shapes\//;
/** The builder and its typed ops. */
const GRAPH_BUILDER = /^src\/graph\/[^/]+$/;
const GRAPH_QUANTIZATION = /^src\/graph\/quantization\//;
const GRAPH_ENCODING = /^src\/graph\/encoding\//;
const ENCODER = /^src\/encoder\//;
const ENCODER_LAYERS = /^src\/encoder\/layers\//;
export const ENCODER_FAMILIES = /^src\/encoder\/families\//;
const ENCODER_FORMS = /^src\/encoder\/forms\//;
const LEARN = /^src\/learn\//;
/** Random numbers and the names of methods, beside the folders of learn. */
const LEARN_ROOT = /^src\/learn\/[^/]+$/;
const LEARN_GRAPH = /^src\/learn\/graph\//;
const LEARN_DATA = /^src\/learn\/data\//;
const LEARN_HEAD = /^src\/learn\/head\//;
const LEARN_LOOP = /^src\/learn\/loop\//;
/** The page's end of training in a Web Worker. */
const BROWSER_TRAIN = /^src\/browser\/train\/[^/]+$/;
const BROWSER_ROOT = /^src\/browser\/[^/]+$/;
const BROWSER_OFFLINE = /^src\/browser\/offline\//;
const BROWSER_CHANNEL = /^src\/browser\/channel\//;
const PACKED_TASK = /^src\/learn\/task\/packed-task\.ts$/;
/** Cards and reports. */
const REPORT = /^src\/report\//;
const NODE = /^node:$/;
/** Reading, writing and hashing files, processes, the two runtimes. */
const NODE_FOLDER = /^scripts\/node\//;
/** Named where used, so that the files also type-check outside of a Worker. */
const WORKER_TYPES = /^@cloudflare\/workers-types$/;

/** The rule of one folder of scripts/runs; `others` are the folders of runs that it builds on. */
function runsGroup(folder: string, others: readonly string[]): Group {
  const inside = (name: string): RegExp =>
    name === "*.ts" ? /^scripts\/runs\/[^/]+$/ : new RegExp(`^scripts/runs/${name}/`);
  return {
    name: `scripts/runs/${folder}`,
    files: inside(folder),
    may: [
      CORE,
      GRAPH,
      ENCODER,
      ENGINE_CHOICE,
      LEARN,
      NODE_FOLDER,
      REPORT,
      /^scripts\/(?:base|task)\//,
      NODE,
      inside("*.ts"),
      ...others.map(inside),
    ],
    types: [SESSION, ENGINE],
  };
}

/** The dependency rule; the first group whose pattern matches a file is the file's. */
export const GROUPS: readonly Group[] = [
  // core/*.ts <- tokenizer <- model <- format: what a text is, what is computed, how it is stored.
  { name: "src/core/*.ts", files: CORE_ROOT, may: [] },
  { name: "src/core/tokenizer", files: CORE_TOKENIZER, may: [CORE_ROOT] },
  { name: "src/core/model", files: CORE_MODEL, may: [CORE_ROOT, CORE_TOKENIZER] },
  {
    name: "src/core/format",
    files: /^src\/core\/format\//,
    may: [CORE_ROOT, CORE_TOKENIZER, CORE_MODEL, CORE_SIGNING],
  },
  { name: "src/core/signing", files: CORE_SIGNING, may: [CORE_ROOT] },
  { name: "src/graph/shapes", files: GRAPH_SHAPES, may: [CORE] },
  { name: "src/graph", files: GRAPH_BUILDER, may: [CORE, GRAPH_SHAPES] },
  {
    name: "src/graph/gradient",
    files: /^src\/graph\/gradient\//,
    may: [CORE, GRAPH_SHAPES, GRAPH_BUILDER],
  },
  {
    name: "src/graph/encoding",
    files: GRAPH_ENCODING,
    may: [CORE, GRAPH_SHAPES, GRAPH_BUILDER],
    types: [SESSION],
  },
  {
    name: "src/graph/quantization",
    files: /^src\/graph\/quantization\//,
    may: [CORE, GRAPH_SHAPES, GRAPH_BUILDER, GRAPH_ENCODING],
    types: [SESSION],
  },
  { name: "src/encoder/layers", files: ENCODER_LAYERS, may: [CORE, GRAPH] },
  { name: "src/encoder/families", files: ENCODER_FAMILIES, may: [CORE, GRAPH, ENCODER_LAYERS] },
  {
    name: "src/encoder/forms",
    files: ENCODER_FORMS,
    may: [CORE, GRAPH, ENCODER_LAYERS, ENCODER_FAMILIES],
  },
  {
    name: "src/encoder",
    files: ENCODER,
    may: [CORE, GRAPH, ENCODER_LAYERS, ENCODER_FAMILIES, ENCODER_FORMS],
    types: [SESSION, ENGINE],
  },
  { name: "src/learn/*.ts", files: LEARN_ROOT, may: [CORE] },
  {
    name: "src/learn/graph",
    files: LEARN_GRAPH,
    may: [CORE, GRAPH, ENCODER, LEARN_ROOT],
    types: [SESSION],
  },
  { name: "src/learn/data", files: LEARN_DATA, may: [CORE, LEARN_ROOT, LEARN_GRAPH] },
  // Heads fitted on features, whatever computed those.
  { name: "src/learn/head", files: LEARN_HEAD, may: [CORE, LEARN_ROOT, LEARN_DATA] },
  {
    name: "src/learn/loop",
    files: LEARN_LOOP,
    may: [CORE, GRAPH, ENCODER, LEARN_ROOT, LEARN_GRAPH, LEARN_DATA],
    types: [SESSION],
  },
  {
    name: "src/learn/measure",
    files: /^src\/learn\/measure\//,
    may: [CORE, LEARN_ROOT, LEARN_DATA, LEARN_HEAD, LEARN_LOOP],
    types: [ENGINE],
  },
  {
    // One run of training, from a task.json to a task in memory: the same in Node and in a page.
    name: "src/learn/task",
    files: /^src\/learn\/task\//,
    may: [CORE, GRAPH, ENCODER, LEARN],
    types: [SESSION, ENGINE],
  },
  { name: "src/report", files: REPORT, may: [CORE, LEARN] },
  { name: "src/engine/*.ts", files: ENGINE_ROOT, may: [], types: [CORE] },
  { name: "src/engine/simd/kernels", files: ENGINE_KERNELS, may: [] },
  {
    name: "src/engine/simd",
    files: /^src\/engine\/simd\/(?!kernels\/)/,
    // What a base consists of is said by its family; the graph builder is not needed for that.
    may: [CORE, ENCODER_FAMILIES, ENCODER_FORMS, GRAPH_QUANTIZATION, ENGINE_KERNELS],
    types: [ENGINE_ROOT, ENCODER_LAYERS, GRAPH_BUILDER],
  },
  { name: "src/engine/ort/images", files: ENGINE_IMAGES, may: [CORE], types: [ENGINE_ROOT] },
  {
    // Builds its graph from a base's weights, and so knows the encoder and the graph builder.
    name: "src/engine/ort/webgpu",
    files: /^src\/engine\/ort\/webgpu\//,
    may: [
      CORE,
      ENCODER_FAMILIES,
      ENCODER_FORMS,
      GRAPH_ENCODING,
      /^src\/engine\/ort\/[^/]+$/,
      /^onnxruntime-web$/,
    ],
    types: [ENGINE_ROOT],
  },
  {
    name: "src/engine/ort/*.ts",
    files: /^src\/engine\/ort\/[^/]+$/,
    // Which linears a task may change is said by the base's family, as for our own kernels.
    may: [CORE, ENCODER_FAMILIES, ENCODER_FORMS, ENGINE_IMAGES, /^onnxruntime-web$/],
    types: [ENGINE_ROOT],
  },
  {
    name: "src/serve/bucket",
    files: /^src\/serve\/bucket\/(?!s3-uploads\.ts$)/,
    may: [CORE],
    types: [WORKER_TYPES],
  },
  // Signs requests of S3, for the Worker that answers batches alone.
  { name: "src/serve/bucket/s3-uploads.ts", files: S3_UPLOADS, may: [CORE, /^aws4fetch$/] },
  { name: "src/serve/queue", files: SERVE_QUEUE, may: [CORE], types: [ENGINE] },
  {
    // Jobs over files: what answers a row is handed in, so that it knows neither HTTP nor an engine.
    name: "src/serve/bulk",
    files: /^src\/serve\/bulk\//,
    may: [CORE, SERVE_BUCKET, /^src\/serve\/sha256\.ts$/, /^src\/learn\/data\/csv\.ts$/],
    types: [/^src\/serve\/prediction\.ts$/],
  },
  {
    name: "src/serve/*.ts",
    files: /^src\/serve\/[^/]+$/,
    may: [CORE, SERVE_BUCKET, SERVE_QUEUE],
    types: [ENGINE],
  },
  ...HTTP_GROUPS,
  {
    // The part of the page that trains: views of plain data, and the page's end of its Web Worker.
    name: "src/browser/page/train",
    files: /^src\/browser\/page\/train\//,
    may: [
      CORE_ROOT,
      /^src\/core\/format\/keys\.ts$/,
      /^src\/learn\/methods\.ts$/,
      /^src\/report\/text\.ts$/,
      BROWSER_TRAIN,
      BROWSER_OFFLINE,
      /^src\/browser\/page\/[^/]+$/,
    ],
    types: [LEARN, REPORT],
  },
  {
    // What a person sees: it talks to the Worker by its routes, whose shapes it shares as types.
    name: "src/browser/page",
    files: /^src\/browser\/page\//,
    may: [CORE_ROOT, /^src\/learn\/data\/csv\.ts$/, BROWSER_OFFLINE],
    types: [BROWSER_ROOT, /^src\/http\/(?:schemas\/schema|answers\/problem)\.ts$/],
  },
  // What keeps the page's own files, and the page's end of it: nothing else of the page.
  { name: "src/browser/offline", files: BROWSER_OFFLINE, may: [] },
  // Calls between a page and its Web Worker, of whatever kind.
  { name: "src/browser/channel", files: BROWSER_CHANNEL, may: [CORE_ROOT] },
  {
    // What computes in a page: the same parts that serve, over HTTP and an engine of the page.
    name: "src/browser/worker",
    files: /^src\/browser\/worker\//,
    may: [CORE, /^src\/serve\//, /^src\/engine\//, BROWSER_CHANNEL, BROWSER_ROOT],
  },
  {
    // What trains in a page: the run of src/learn/task over ONNX Runtime's wasm and an engine of the page.
    name: "src/browser/train/worker",
    files: /^src\/browser\/train\/worker\//,
    may: [
      CORE,
      ENCODER,
      LEARN,
      REPORT,
      ENGINE_CHOICE,
      /^src\/engine\/ort\/(?:encoder|wasm-sessions)\.ts$/,
      /^src\/serve\/(?:bucket\/|reading\.ts)/,
      BROWSER_CHANNEL,
      BROWSER_TRAIN,
      /^src\/browser\/worker\//,
    ],
    types: [SESSION, ENGINE, /^src\/serve\/prediction\.ts$/, BROWSER_ROOT],
  },
  {
    name: "src/browser/train",
    files: BROWSER_TRAIN,
    may: [CORE_ROOT, BROWSER_CHANNEL, BROWSER_ROOT],
    types: [CORE, LEARN, REPORT],
  },
  {
    // The page's end, which must not bring along what only the Web Worker needs.
    name: "src/browser/*.ts",
    files: BROWSER_ROOT,
    may: [CORE_ROOT, BROWSER_CHANNEL],
    types: [CORE, /^src\/serve\//],
  },
  // The package's ./tokenizer, which must bring nothing else along.
  { name: "src/tokenizer.ts", files: /^src\/tokenizer\.ts$/, may: [/^src\/core\/tokenizer\//] },
  {
    name: "composition root",
    files:
      /^src\/(?:index|worker(?:-\w+)?|default-engine|compose(?:-bulk)?|create-worker|library)\.ts$/,
    may: [/^src\//, /\.wasm$/],
    types: [/^hono$/],
  },
  {
    name: "scripts/node",
    files: NODE_FOLDER,
    may: [CORE, /^src\/engine\//, NODE, /^onnxruntime-node$/],
  },
  {
    name: "scripts/base",
    files: /^scripts\/base\//,
    may: [CORE, GRAPH, ENCODER, ENGINE_CHOICE, NODE_FOLDER, NODE],
    types: [SESSION, ENGINE, /^src\/engine\/simd\/supported\.ts$/],
  },
  {
    name: "scripts/task",
    files: /^scripts\/task\//,
    may: [CORE, PACKED_TASK, NODE_FOLDER, NODE],
  },
  {
    // Adapters of another library: their names become those of a base's encoder.
    name: "scripts/peft",
    files: /^scripts\/peft\//,
    may: [CORE, ENCODER, PACKED_TASK, LEARN_DATA, NODE_FOLDER, NODE],
  },
  // What all runs share, then each kind of run: task <- trial <- sweep, task <- pretrain, distill.
  runsGroup("*.ts", []),
  runsGroup("task", []),
  runsGroup("trial", ["task"]),
  runsGroup("sweep", ["task", "trial"]),
  runsGroup("pretrain", ["task"]),
  runsGroup("distill", []),
  {
    name: "scripts/publish",
    files: /^scripts\/publish\//,
    may: [
      CORE,
      ENCODER,
      LEARN,
      /^src\/serve\//,
      NODE_FOLDER,
      /^scripts\/(?:base|task)\//,
      NODE,
      /^(?:wrangler|aws4fetch)$/,
    ],
    types: [SESSION, ENGINE, WORKER_TYPES],
  },
  {
    // Batches from the command line: the core of src/serve/bulk over a folder, or over HTTP.
    name: "scripts/bulk",
    files: /^scripts\/bulk\//,
    may: [CORE, /^src\/serve\//, NODE_FOLDER, NODE],
  },
  {
    name: "scripts/images",
    files: /^scripts\/images\//,
    may: [CORE, GRAPH, ENCODER, /^src\/engine\//, NODE_FOLDER, /^scripts\/base\//, NODE],
    types: [/^scripts\/publish\//],
  },
  {
    name: "scripts/cli",
    files: /^scripts\/cli\//,
    may: [
      CORE,
      ENCODER,
      LEARN,
      NODE_FOLDER,
      REPORT,
      /^scripts\/(?:base|publish|runs|task)\//,
      /^src\/(?:serve|http)\//,
      NODE,
    ],
    types: [SESSION, ENGINE],
  },
  {
    name: "scripts/commands",
    files: /^scripts\/commands\//,
    may: [
      CORE,
      ENCODER,
      LEARN,
      /^src\/(?:serve|http)\//,
      REPORT,
      /^scripts\/(?:base|bulk|cli|images|node|peft|publish|runs|task)\//,
      NODE,
    ],
    types: [SESSION, ENGINE],
  },
  {
    // What the project needs for itself: it starts, documents and retrains all the rest.
    name: "scripts/dev",
    files: /^scripts\/dev\//,
    may: [
      REPORT,
      /^scripts\//,
      CORE,
      ENCODER,
      LEARN,
      /^src\/(?:serve|http)\//,
      /^bench\/(?:accuracy|ladder|minutes|starts)\//,
      NODE,
      /^(?:assemblyscript|esbuild|playwright|@sparticuz\/chromium)$/,
    ],
    types: [/^src\/browser\/offline\/assets\.ts$/, SESSION, ENGINE],
  },
  { name: "scripts/cli.ts", files: /^scripts\/[^/]+$/, may: [/^scripts\/c(?:li|ommands)\//, NODE] },
  { name: "bench", files: /^bench\//, may: [/^(?:src|scripts)\//, NODE, /^[a-z@]/] },
];
