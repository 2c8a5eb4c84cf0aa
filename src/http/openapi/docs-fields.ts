/** What an operation takes, out of its OpenAPI description: one row a field, in words for people. */
type Json = Readonly<Record<string, unknown>>;

export interface Field {
  /** As it is written in a request: `parameters.top_k`, `?version`, `x-canary-key`. */
  readonly name: string;
  readonly kind: string;
  readonly description: string;
}

export interface Described {
  readonly paths: Readonly<Record<string, Json>>;
  readonly components: { readonly schemas: Readonly<Record<string, object>> };
}

/** The fields of an operation: those of its path, URL and headers, then those of its body. */
export function fieldsOf(document: Described, path: string, method: "get" | "post"): Field[] {
  const item = document.paths[path]!;
  const parameters = (item["parameters"] ?? []) as readonly Json[];
  const operation = item[method] as Json;
  const body = operation["requestBody"] as
    { content: Record<string, { schema: Json }> } | undefined;
  const schema = body?.content["application/json"]?.schema;
  return [
    ...parameters.map((parameter) => ({
      name: `${WRITTEN[String(parameter["in"])] ?? ""}${String(parameter["name"])}`,
      kind: kindOf(parameter["schema"] as Json),
      description: String(parameter["description"] ?? ""),
    })),
    ...(schema ? bodyFields(document, schema, "") : []),
  ];
}

/** How a parameter's place is shown; a header stands for itself. */
const WRITTEN: Readonly<Record<string, string>> = { path: "path: ", query: "?", header: "" };

function bodyFields(document: Described, schema: Json, parent: string): Field[] {
  const properties = (resolve(document, schema)["properties"] ?? {}) as Record<string, Json>;
  return Object.entries(properties).flatMap(([name, property]) => {
    const own = {
      name: parent + name,
      kind: kindOf(property),
      description: String(property["description"] ?? ""),
    };
    const named = choicesOf(property).find((choice) => "$ref" in choice);
    return [own, ...(named ? bodyFields(document, named, `${parent}${name}.`) : [])];
  });
}

function resolve(document: Described, schema: Json): Json {
  const name = String(schema["$ref"] ?? "")
    .split("/")
    .at(-1);
  return (document.components.schemas[name ?? ""] ?? schema) as Json;
}

/** What a schema may be, null left out: every optional field takes it. */
const choicesOf = (schema: Json): readonly Json[] =>
  ((schema["anyOf"] ?? [schema]) as readonly Json[]).filter(({ type }) => type !== "null");

/** A schema's values in a few words: `"a" | "b"`, `integer from 1`, `string or list`. */
function kindOf(schema: Json): string {
  const kinds = choicesOf(schema).map((choice) => {
    if ("enum" in choice) {
      return (choice["enum"] as readonly unknown[])
        .map((value) => JSON.stringify(value))
        .join(" | ");
    }
    if ("$ref" in choice) return "object";
    if (choice["type"] === "integer") return rangeOf(choice);
    return choice["type"] === "array" ? "list" : String(choice["type"] ?? "anything");
  });
  return kinds.join(" or ");
}

function rangeOf({ minimum, maximum }: Json): string {
  const isBounded = typeof maximum === "number" && maximum < Number.MAX_SAFE_INTEGER;
  return `integer from ${String(minimum)}${isBounded ? ` to ${maximum}` : ""}`;
}
