/**
 * What every error code means and what helps, for docs/errors.md. One line a code: code, meaning,
 * help. A unit test compares the list with the codes that the source uses.
 */

/** One line of the list. */
export interface Meaning {
  readonly meaning: string;
  readonly help: string;
}

const LINES = `
activation-unsupported | The checkpoint's activation function is not supported. | The message lists the supported ones; take another checkpoint.
address-invalid | What loadPredictor was given as an address is none. | Name the address of a Worker, or of a folder that "bundle" wrote.
answer-not-finite | The model computed NaN or infinity for this text. | Publish the version before (rollback); train the task again.
api-keys-invalid | The secret API_KEYS is no list of keys. | Write it with "npx edge-prefix key NAME --file keys.json", then "npx wrangler secret put API_KEYS".
architecture-unsupported | The checkpoint is of an architecture, or has a setting, that is not supported. | Take another checkpoint; docs/support.md lists the architectures.
base-inaccurate | An int8 base is further from its checkpoint than the stated floor. | Import it with --tables int8, or take another checkpoint; --allow-doubtful publishes it all the same.
base-incomplete | A base folder lacks a file that its manifest names. | Import the base again.
base-manifest-invalid | A base's manifest.json is not what it should be, or belongs to other files. | Import the base again; push it again.
base-not-found | There is no base of this name: in the bucket, or in the folder. | Push the base ("push --base DIR"), or set BASE to the name of one that is there.
base-not-loaded | A page asked a Web Worker whose base has not been loaded. | Load it first; loadPredictor does.
base-not-ready | The base is still loading. | Wait for the seconds of retry-after, then ask again.
batch-differs | The unfinished batch of this output has another file, task, version or other parameters. | Delete the file or folder that the message names to begin anew, or choose another --out.
batch-ended | The batch has ended, so it cannot be cancelled. | Read its output file; a row without an answer is not in it.
batch-failed | The server could not read the file of a batch. | The message says why; correct the file and run it again.
batch-input-missing | The file that a batch reads is not in the bucket any more. | Send the file again and make another batch; look at the bucket's lifecycle rules.
batch-interrupted | A batch was interrupted. | The same command goes on.
batch-not-found | There is no batch of this id, the key may not see it, or it has expired. | "batch list" or GET /v1/batches shows what there is.
bench-not-found | The benchmarks are not here: the installed package does not have them. | Run them in a clone of this project.
base-too-large | The base does not fit into the memory that a Worker has for it. | Serve a smaller base ("shrink", or "import --tables compact"), or raise MAX_HEAP_BYTES where there is more memory.
blob-corrupt | A file in the bucket is not what its hash says. | Push the task or base again: a push repairs damaged files.
blob-missing | A file that a task or base consists of is not in the bucket. | Push the task or base again.
body-incomplete | The request's body ended before its announced length. | Send it again; look for a proxy that cuts connections.
body-timeout | The request's body was not complete after BODY_TIMEOUT_MS. | Send it faster or in parts, or raise the setting.
body-too-large | The request's body has more bytes than MAX_BODY_BYTES. | Send fewer or shorter texts, or raise the setting.
bucket-access-denied | The S3 host refuses the access key. | Check the key, its secret and that it may write to this bucket.
bucket-missing | wrangler.toml has no R2 binding called BUCKET. | Add it, as in this project's wrangler.toml.
bucket-not-configured | The binding BUCKET of wrangler.toml names no bucket. | Write bucket_name, or name the bucket with --bucket.
bucket-not-found | There is no bucket of this name. | Make it: "npx wrangler r2 bucket create NAME".
bucket-unavailable | The bucket does not answer. | Try again; a Worker goes on from memory for TASK_MAX_STALE_MS meanwhile.
bucket-write-failed | Writing to the bucket failed several times. What was served before is unchanged. | Run the command again.
build-missing | The base has no graph for this engine. | Import the base again.
bulk-corrupt | An object of a batch is not what it should be: it was written by something else. | Make another batch.
bulk-keys-missing | The Worker for requests checks keys, and the one for batches has none. | Set the same secret API_KEYS for both: "npx wrangler secret put API_KEYS --config wrangler.bulk.toml".
bulk-off | This Worker knows no Worker for batches. | Deploy one and add the binding BULK, as docs/batches.md says.
canary-is-current | The version is already the current one, so it cannot be tested beside itself. | Name another version; "list" shows them.
canary-missing | The task has no version that gets a share of the requests. | Start one: "push TASK_DIR --canary 5".
checkpoint-incomplete | The checkpoint lacks a file that is needed. | Download the whole checkpoint.
checkpoint-index-invalid | The checkpoint's index names tensors that its files do not hold. | Download the checkpoint again.
checkpoint-not-finite | The checkpoint has weights that are NaN or infinite. | Download it again, or take another one.
checkpoint-not-found | There is no checkpoint in the folder, or of this name on the hub. | Check the path or the name OWNER/NAME.
checkpoint-pooling-invalid | The files of the checkpoint that say how it pools cannot be read. | Download them again, or remove modules.json and 1_Pooling.
checkpoint-tensors-mismatch | The checkpoint's tensors are not those of its configuration. | The message lists what is missing; take another checkpoint.
client-left | The client closed the connection before the answer. Seen in logs only. | Nothing to do; raise the client's timeout if it happens often.
column-missing | The header of a batch's csv file lacks the column that the batch names. | Name one that it has; the message lists them.
config-invalid | A setting is wrong: a variable of wrangler.toml, or a checkpoint's config.json. | The message names the setting and what is allowed.
content-type-unsupported | The request's body is not announced as JSON. | Send "content-type: application/json".
corpus-empty | The corpus has no text that can be used. | Check the file: one text a line.
corpus-invalid | The corpus is not text, or a damaged gzip file. | Check the file: one text a line, in UTF-8.
corpus-too-large | The corpus is larger than the limit. | Split it; several files may be named.
corpus-unreadable | The corpus is not there, or is a folder. | Check the path.
data-column-missing | The data file has no such column. | Name the columns with --text-column, --pair-column and --label-column.
data-empty | The data file has no usable row. | The message says what was wrong with the rows.
data-format-unknown | The format of a data file cannot be told from its name. | Name it with --format.
data-invalid | The data file is not text, or a damaged gzip file. | csv, tsv, jsonl and CoNLL are read, also gzipped.
data-missing | No training data was named. | Name a file, or write "data" into task.json.
data-row-invalid | A row of the data cannot be used, and --strict was given. | Correct the row, or leave --strict out.
data-too-few | There are too few different texts to set some aside for measuring. | Add rows, or name a file with --eval.
data-too-large | The data file is larger than the limit. | Split it; several files may be named.
data-unreadable | The data file is not there, or is a folder. | Check the path.
deadline-exceeded | The request was not answered within DEADLINE_MS. | Ask again later, with fewer or shorter texts.
disk-full | The disk of an output file or folder is full. | Free some space, or choose another folder. A run that was saved goes on with --resume.
descriptions-unreadable | The file of --descriptions is not there, or is a folder. | Check the path.
descriptions-invalid | The file of --descriptions is no object of sentences by label, or describes a label that is not listed. | {"billing": "an invoice or a payment is wrong"} has the form.
distill-plan-mismatch | A saved distillation was planned for another length. | Resume it with the same options.
distill-student | The student's weights are not in float32. | Make it with "shrink --dtype fp32".
distill-tokenizers | Student and teacher split texts by different rules. | Make the student from the teacher with "shrink".
distill-unmeasured | The saved distillation has no measurement yet. | Let it run until the first one.
distill-width | Student and teacher have hidden states of different sizes. | Make the student from the teacher with "shrink".
dropped-file-unknown | A file was put into the bucket at a place that names no task. | Put files at inbox/TASK/NAME.jsonl or .csv; give the notification the prefix inbox/.
engine-unsupported | The engine cannot compute this kind of base. | The message says why; import the base with --dtype int8, or serve it by onnxruntime.
examples-mismatch | The task answers its recorded examples otherwise than they were recorded. | Was it trained on this base? Train it again, or push the base that it was trained on.
file-empty | A batch's file has no line with anything on it. | Look at what was sent.
file-hash-mismatch | A file is not the one that its manifest names. | Restore the file, or make the folder again; push it again.
file-not-found | There is no such file, or the caller may not read it. | GET /files/index.json or GET /v1/files lists what there is.
file-search-unfinished | The bucket has very many versions, and this Worker has not yet found which task the file belongs to. | Ask again after retry-after: the search goes on.
files-index-invalid | The index.json beside the files of a bucket is not what it should be: perhaps a web page that the server answers instead. | Check the address; write the folder again with "npx edge-prefix bundle".
files-not-found | There are no files for a page at this address. | Check the address, the setting SERVE_FILES, and that files/index.json is there.
files-off | The Worker gives out no files: its setting SERVE_FILES is off. | Set SERVE_FILES to "on", or ask for predictions instead.
folder-locked | Another process writes to this output folder, or another tab of the browser trains. | Wait for it, or choose another folder.
folder-not-empty | The output folder holds other files. | Choose another folder.
folder-occupied | The output folder holds a result that this run would replace. | Choose another --out, or replace the result with --overwrite.
folder-unwritable | No file can be written to the output folder. | Check its rights, and that its disk is not read-only.
form-invalid | The body is no multipart form with the fields that the route needs. | Send purpose=batch and file; OpenAI's clients do.
gradient-loss-shape | The training graph's loss is not a single number. | An error of the program; please report it.
gradient-missing-rule | An operator of the training graph has no gradient rule. | An error of the program; please report it.
gradient-no-path | The loss does not depend on a parameter that is to be trained. | An error of the program; please report it.
gradient-shape-mismatch | A gradient has another shape than its tensor. | An error of the program; please report it.
graph-invalid | ONNX Runtime cannot load a base's graph. | Import the base again.
headers-too-large | The request's URL and headers have more bytes than MAX_HEADER_BYTES. | Send fewer headers or shorter cookies.
heap-limit | The memory left is too little for windows this long. | Ask with a smaller max_length, or serve a smaller base.
history-invalid | A line of a task's history in the bucket is not what it should be. | Look at the object that the message names; lines are only ever added, so remove it.
hub-invalid | What answers at the hub's address is no model hub. | Look at HF_ENDPOINT.
hub-refused | The hub refuses the download. | Check the name; a private checkpoint needs HF_TOKEN.
hub-unreachable | The hub does not answer. | Try again, or import from a folder.
image-invalid | A base's memory image is damaged. The base is loaded from its graph instead. | Push the base again: "push --base DIR --engine onnxruntime".
image-mismatch | The session image of the base is not what its graph gives. | Push the base again: "push --base DIR --engine onnxruntime".
init-mismatch | The pretrained prefix has another length than the task asks for. | Leave --num-virtual-tokens out.
init-unsupported | The task's method cannot start from this pretrained prefix. | The message lists the methods that can.
input-invalid | The input file is not text, or one of its lines is no text and no input object. | The message names the line.
input-too-large | The input file is larger than the limit. | Split it.
input-unreadable | The input file is not there, or is a folder. | Check the path.
inputs-empty | The request's list of inputs is empty. | Send at least one text.
internal | An unexpected error in the server. | Look for the request id in the logs; please report it.
json-invalid | The request's body, or a file, is no valid JSON. | The message names the place.
json-too-deep | The request's JSON nests deeper than MAX_JSON_DEPTH. | Send the body as /docs shows it.
key-exists | The file has a key of this name already. | Choose another name.
key-missing | The Worker has API keys, and the request has none. | Send "authorization: Bearer ep_...".
key-unknown | The request's key is not one of the Worker's. | Check the key; a new one needs "wrangler secret put API_KEYS".
label-names-invalid | --label-names cannot be read. | Write name,name,.. or label=name,..
labels-alike | The base reads the names of two labels as the same tokens. | Name one of them otherwise, or say with --descriptions what each means.
labels-empty | The request names no label to choose from. | Send at least one in "candidate_labels".
label-out-of-range | A number to learn is too large. | Divide all of them.
labels-too-few | All rows have the same label. | Add rows with other labels.
labels-too-many | The task names several labels, but its answers are numbers. | Name one.
labels-unnamed | The labels are lists of zeros and ones, or the tags are numbers, and nothing names them. | Name them with --label-names.
layers-invalid | --layers names layers that the base does not have. | Ascending numbers from 0.
line-invalid | A line of a batch's file is no JSON object, lacks a field, or names another route than the batch. | Correct the line, which the message names; the other lines are answered.
line-invalid | A line of the input is no JSON of the expected form. | The message names the line.
line-too-long | A line of a batch's file has more than 2,000,000 bytes. | Cut the text into several lines.
line-too-long | A line of the input is longer than the limit. | One text a line.
load-stalled | A file has been loading without progress. | Ask again; look at the bucket's health.
local-state-damaged | A file of the local storage is damaged. | Run npm start: it moves the damaged part aside and stores base and bundled tasks anew.
max-length-invalid | max_length is above what the task or base allows, or leaves no room for text. | The message has the allowed range.
message-invalid | A message of the queue is neither the Worker's own nor an event of R2. | Look for another producer of the same queue.
method-not-allowed | The route does not take this HTTP method. | The header "allow" lists those that it takes.
model-not-found | No model of this name embeds, or the key may not use it. | Send the name of the base as "model"; GET /v1/models lists the models.
name-invalid | A name has characters that names may not have. | 1 to 64 of a-z 0-9 . _ - with a letter or digit at both ends.
not-acceptable | The route answers in none of the accepted formats. | Accept application/json, application/x-ndjson or text/event-stream.
not-allowed | The key may not use this route or this task. | Use a key with the scope or task; see docs/deploy.md.
object-too-large | A file in the bucket is larger than allowed. | Push the task or base again.
onnx-attribute-invalid | An attribute of an operator cannot be written. | An error of the program; please report it.
onnx-constant-invalid | A constant of a graph cannot be written. | An error of the program; please report it.
onnx-name-taken | A graph names two values alike. | An error of the program; please report it.
onnx-op-unknown | A graph has an operator without a shape rule. | An error of the program; please report it.
onnx-shape-mismatch | Tensors of a graph do not fit each other. | An error of the program; please report it.
optimizer-state-mismatch | The saved optimizer belongs to other parameters. | Start again without --resume.
other-unavailable | A label for texts that fit none was asked for, and this task or its rows cannot have one. | The message says what is missing; leave "--other" out, or give more rows.
output-too-large | The hidden states would be too many for one file. | Use --pool mean, or fewer texts.
overloaded | More requests wait than can be answered in time. | Wait for the seconds of retry-after, then ask again.
package-missing | A package is not installed that this verb alone needs. | The message has the line that installs it.
page-insecure | The page is not served over https, and so the browser does not let it check files. | Serve it over https, or from localhost.
page-not-built | The script that answers in a browser is not built. | In a clone run "npm run page"; the installed package has it.
pair-not-supported | The task tags the words of one text; the input is a pair. | Send one text.
pair-too-long | Neither text of a pair leaves room for the other. | Shorten one, or set "truncation": true.
parameter-invalid | A parameter has a value that is not allowed. | The field "errors" names it and what is allowed.
peft-export-unsupported | The task has a part for which PEFT, or transformers' model with a head, has no place. | The message names it; export with --features, or train the task without that part.
peft-invalid | The adapter's files are not those that PEFT saves. | The message names the field or the tensor.
peft-not-found | The folder holds no PEFT adapter. | It needs adapter_config.json and adapter_model.safetensors.
peft-unsupported | The adapter is of a kind that computes more than prefix tuning or plain LoRA, such as DoRA. | Merge it into its model and import that as a base, or train it in one of these forms.
plan-failed | A batch's file could not be read in any attempt. | Look at the Worker's log; make another batch.
pointer-expired | The signature of a pointer was good for a time that is over. | Write it again with --sign KEY, for example by a push of the same folder.
pointer-invalid | The file that says which version of a task or base is current is damaged. | Push the task or base again.
pointer-replayed | An older pointer was put back into the bucket, or one from before TRUSTED_SINCE. | Find out who writes to the bucket; then push again with --sign KEY.
pointer-untrusted | A command with --sign would sign a pointer that neither its key nor a key in --public-key has signed. It may have been changed without a key. | Push the task again with --sign, which begins a new list of versions, or name the key that signed it.
pooling-invalid | The base has no pooler, or the embedding asks for another kind of pooling. | mean or cls.
pooling-unavailable | The base has no pooler, which the task asks for. | --pooling mean or cls.
port-in-use | The port is taken by another program. | Choose another with --port.
prefix-base-mismatch | The task was trained for another base. | Train it on this base, or serve the base that it was trained on.
prefix-norm-absurd | The prefix has numbers of a size that training does not produce. | Train again with a smaller --lr.
prefix-not-finite | The prefix has numbers that are NaN or infinite. | Train again with a smaller --lr.
pretrain-tasks | The tasks cannot be pretrained together. | The message says which and why.
pretrained-invalid | The pretrained prefix's files are not what they should be. | Run "pretrain" again.
pretrained-not-found | The folder holds no pretrained prefix, and no start has this name. | "pretrain" writes one; the message lists the names.
project-not-found | There is no wrangler configuration in this folder or above. | Run the command in the folder of your Worker, or make one with "npx edge-prefix new NAME".
public-key-invalid | A public key cannot be read, or is not on P-256, P-384 or P-521. | Take the file NAME.pub.pem that "npx edge-prefix key NAME --signing" wrote.
quantized-scale-invalid | A quantized tensor has no scales that fit it. | Import the base again.
quantized-shape-invalid | A quantized tensor has a shape that cannot be used. | Import the base again.
range-not-satisfiable | The range of bytes begins behind the end of the file. | Ask for a range within it; the header content-range has its length.
rate-limited | The caller sends more requests than the rate limit allows. | Wait for the seconds of retry-after.
prune-unsafe | A pointer in the bucket is damaged, so it is not known which files it needs. Nothing was deleted. | Push the task or base again, or unpublish the task.
remote-config-incomplete | Some of the variables for the S3 host are set, others are missing. | The message lists the missing ones.
request-cancelled | The request was given up while it waited. | Ask again.
request-failed | A server answered with an error that edge-prefix does not have. | Look at the address after --url, and at what stands between.
request-invalid | The request's body has not the expected fields. | The field "errors" has each place; /docs shows the form.
request-too-expensive | The request would take longer than REQUEST_CPU_MS or DEADLINE_MS, even alone. | Send less at once, or set "truncation": true; /docs says what fits.
route-not-found | There is no such path. | The app's /docs lists the routes.
row-failed | A row of a batch fails in an unforeseen way. | Ask for it alone; report what the Worker's log says of it.
row-given-up | Every attempt to answer a row of a batch failed or was cut off. | Look at the Worker's log, then send the row in another batch.
row-invalid | A row of a batch has a token, a position or a prefix that the base does not have. | Import the base again with the tokenizer of its checkpoint.
run-failed | The model failed on this batch. | Ask again; if it stays, push the base again.
run-saved | A saved run stands in the output folder. | Go on with it (--resume), or drop it (--overwrite).
run-state-invalid | The saved training run cannot be read. | Start from the first step with --overwrite.
run-state-mismatch | The saved training run was made with other data or settings. | Use the same options, or start from the first step with --overwrite.
runtime-failed | ONNX Runtime could not be started. | Ask again; if it stays, push the base again and deploy again.
safetensors-invalid | A safetensors file is truncated or damaged. | Restore the file, or make the folder again.
server-unreachable | The server of --url does not answer, also after several attempts. | Start it ("npm start -- --bulk"), or correct the address; the same command goes on.
signature-invalid | A signature is damaged, or was not made by the key that it names over this content. | Do not use the files; sign them again, and find out who changed them.
signature-key-unknown | A signature is by a key that is not among the trusted ones. | Sign with a trusted key, or add the public key to TRUSTED_KEYS.
signature-mismatch | A file is not what was signed, or was not signed. | Sign the folder again: "npx edge-prefix sign DIR --key KEY".
signature-missing | A pointer or version is not signed, and the Worker has TRUSTED_KEYS. | Push it with --sign KEY.
signature-needed | The pointer in the bucket is signed, so an unsigned one would be refused by its Workers. | Name a key with --sign KEY.
signature-unsupported | The signature is by a certificate or a transparency log, or of another kind of hash. | Sign with a key: "npx edge-prefix sign DIR --key KEY".
signing-key-invalid | The file is no private key for signatures, or no file of public keys. | Make a pair: "npx edge-prefix key NAME --signing".
start-json-invalid | start.json has a field of the wrong kind. | The message names it.
stride-invalid | stride is not below the length of a window. | The message has the allowed range.
sweep-invalid | The sweep's lengths, rates or share are not allowed. | The message names them.
task-corrupt | The files of a task in the bucket cannot be used. | Push the task again, or roll back.
task-folder-not-found | The folder is no task: it has no manifest.json. | Train it, or check the path.
task-json-invalid | task.json has a field that is not allowed. | prefixes/README.md lists the fields.
task-manifest-invalid | A task's manifest.json is not what it should be. | Train the task again.
task-changed | The task has another type or other labels than its live version, on which clients may rely. | Push it under another name, or with --allow-change.
task-not-found | There is no task of this name. | GET /v1/tasks lists what is served.
task-repeated | A task is named twice where each may be named once. | Name it once.
teacher-invalid | The teacher's checkpoint has no head that is known, or no name for each label. | Save it with AutoModelForSequenceClassification of BERT, or train it with --method full.
teacher-labels-mismatch | The teacher answers with other labels than the task has, or not with one label a text. | Name the labels of the data alike with --label-names.
teacher-not-found | The teacher's folder holds none: of distill a base or a checkpoint, of train a task or a checkpoint with a head. | Check the path.
tensor-dtype-mismatch | A tensor has another type of numbers than expected. | Make the folder again.
tensor-missing | A tensor that is needed is not in the file. | Make the folder again.
tensor-shape-mismatch | A tensor has another shape than expected. | Make the folder again.
tensor-size-mismatch | A tensor has more or fewer numbers than its shape says. | Make the folder again.
tensor-unexpected | A task's file holds a tensor that no task has. | Train the task again.
text-empty | A text is empty. | Send at least one character.
text-not-runnable | The model cannot run the tokens of this text, for instance an id beyond its word table. | Send another text; the same one would fail again. Import the base again with the tokenizer of its checkpoint.
text-not-unicode | A text has half of a surrogate pair, which is no character. | Cut texts between characters.
text-too-long | A text has more characters than MAX_CHARACTERS. | Shorten it, or raise the setting.
token-ids-refused | The input is a list of token ids, which are another tokenizer's. | Send the text itself; LangChain: checkEmbeddingCtxLength false.
tokenizer-invalid | tokenizer.json is not what it should be. | Download or import the checkpoint again.
tokenizer-mismatch | The tokenizer has ids that the word table or the type table of its checkpoint has no row for. | Remove the added tokens from tokenizer.json, or resize the table.
tokenizer-unreadable | The tokenizer file is not there, or is a folder. | Check the path.
tokenizer-unsupported | tokenizer.json has a component that is not supported. | WordPiece, byte-level BPE and Unigram are supported; docs/support.md has more.
too-many-bodies | The caller sends more bodies at once than MAX_OPEN_BODIES, or all callers hold too many bytes. | Finish some first, and try again.
too-many-fields | The request's body has more fields than its number of inputs can need. | Send fewer inputs at once.
too-many-inputs | The request has more inputs than MAX_INPUTS. | Send several requests.
too-many-labels | The task has more labels than can be chosen together. | Train it with --plain-head.
too-many-lines | A batch's file has more lines than OpenAI's form allows. | Send it in several files, or as {"id", "text"} lines of one task, which have no limit.
too-many-tasks | The request names more tasks than MAX_TASKS. | Send several requests.
too-many-windows | A text would be read in more windows than MAX_WINDOWS. | Shorten it, set "truncation": true, or raise max_length.
train-graph-unavailable | This base cannot be trained through its 8-bit layers. | --train-graph fp32, or import the base with --dtype int8.
training-diverged | The loss became NaN or infinite. | Train with a smaller --lr.
training-unsupported | The base cannot be trained with this pooling or method. | The message lists what is possible.
upload-incomplete | The parts that are named are not there, or do not make up the announced length. | Send what is missing, then name all parts in their order.
upload-not-presigned | A URL for a part was asked of an upload whose parts go through the Worker, or of a Worker that has lost its credentials. | Send them to /v1/uploads/UPLOAD/parts; or cancel the upload and begin another with "presigned": true.
upload-presigned | A part was sent to the Worker, of an upload whose parts go straight into the bucket. | Ask POST /v1/uploads/UPLOAD/urls where it is to be sent.
upload-too-large | The announced length of an upload is more than 10,000 parts hold. | Send several files.
upload-not-found | There is no upload of this id, or it is complete. | Begin another: POST /v1/uploads.
version-ambiguous | Several versions begin with these characters. | Write more of them.
version-conflict | The body and the URL ask for different versions. | Send one of them.
version-in-use | A version that answers now cannot be revoked. | Roll back or end the canary first.
version-not-found | The task has no such version. | "list" or GET /v1/tasks/{task} shows the versions.
version-revoked | The version was revoked by its owner. | Ask for another version, or none.
vocabulary-size-invalid | --vocab-size is too small or too large. | The message has the allowed range.
vocabulary-unsupported | The vocabulary of this tokenizer cannot be cut. | WordPiece, BPE and Unigram can.
webgpu-device-lost | The GPU was taken from the page: its driver was reset, or the computer slept. | Answers go on by wasm; load the page again to use the GPU.
webgpu-unavailable | A page asked for WebGPU where it cannot run. | The message says why; leave the backend out, or ask for "wasm".
weights-invalid | The weights of a base are not those that its configuration needs. | Import the base again; push it again.
weights-not-finite | The weights of a base have numbers that are NaN or infinite. | Import the base again from a sound checkpoint.
worker-failed | The Web Worker of a page could not start, has failed, or was closed. | See that its script is there and that the page's Content-Security-Policy allows it; docs/browser.md shows the policy.
`;

/** Meanings by code. */
export const MEANINGS: ReadonlyMap<string, Meaning> = new Map(
  LINES.trim()
    .split("\n")
    .map((line) => {
      const [code = "", meaning = "", help = ""] = line.split(" | ");
      return [code, { meaning, help }];
    }),
);
