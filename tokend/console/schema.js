// @ts-check
// Reads the OpenAPI document of an app: its kinds, and the control that each of their fields needs.

/** @typedef {Record<string, any>} Schema */
/** @typedef {"choice" | "switch" | "number" | "text" | "list" | "json"} Control */
/** @typedef {{name: string, control: Control, help: string, required: boolean, choices: string[], example: unknown, shown: boolean}} Field */
/** @typedef {{name: string, help: string, testClient: string | null, fields: Field[]}} Kind */

/** The kinds of a document, in its order. @param {Schema} document @returns {Kind[]} */
export function kindsOf(document) {
  /** @type {Record<string, Schema>} */
  const schemas = document.components.schemas;
  /** @type {{$ref: string}[]} */
  const references = schemas.TokenRequest.oneOf;
  return references.map(({ $ref }) => {
    const name = nameOf($ref);
    return kindOf(name, schemas[name], schemas);
  });
}

/** Whether a request needs a credential. @param {Schema} document @returns {boolean} */
export function needsCredential(document) {
  const security = document.paths?.["/v1/token"]?.post?.security ?? [];
  return !security.some((/** @type {Schema} */ choice) => Object.keys(choice).length === 0);
}

/** Whether callers have a key in the path: then a server of the document has it as a variable. @param {Schema} document @returns {boolean} */
export function hasUrlKeys(document) {
  return document.servers.some((/** @type {Schema} */ server) => server.variables !== undefined);
}

/** @param {string} reference */
function nameOf(reference) {
  return reference.slice(reference.lastIndexOf("/") + 1);
}

/** @param {string} name @param {Schema} schema @param {Record<string, Schema>} schemas @returns {Kind} */
function kindOf(name, schema, schemas) {
  const required = new Set(schema.required ?? []);
  const example = schema.examples?.[0] ?? {};
  const properties = Object.entries(/** @type {Record<string, Schema>} */ (schema.properties)).filter(([field]) => field !== "kind");
  const fields = properties.map(([field, of]) => fieldOf(field, of, required.has(field), example[field], schemas));
  if (!fields.some((field) => field.shown)) for (const field of fields.slice(0, 3)) field.shown = true;
  return { name, help: schema.description ?? "", testClient: schema["x-test-client"] ?? null, fields };
}

/** @param {string} name @param {Schema} written @param {boolean} required @param {unknown} example @param {Record<string, Schema>} schemas @returns {Field} */
function fieldOf(name, written, required, example, schemas) {
  const schema = bare(written, schemas);
  const help = written.description ?? schema.description ?? "";
  const choices = (schema.enum ?? []).map(String);
  return { name, control: controlOf(schema), help, required, choices, example, shown: required || example !== undefined || name === "ttl" };
}

/** The schema without `null` and references. @param {Schema} schema @param {Record<string, Schema>} schemas @returns {Schema} */
function bare(schema, schemas) {
  if (schema.$ref) return bare(schemas[nameOf(schema.$ref)] ?? {}, schemas);
  if (schema.anyOf) {
    const others = schema.anyOf.filter((/** @type {Schema} */ choice) => choice.type !== "null");
    return others.length === 1 ? bare(others[0], schemas) : { type: others.every((/** @type {Schema} */ choice) => ["string", "integer"].includes(choice.type)) ? "string" : "any" };
  }
  return schema;
}

/** @param {Schema} schema @returns {Control} */
function controlOf(schema) {
  if (schema.enum && schema.enum.every((/** @type {unknown} */ value) => typeof value === "string")) return "choice";
  if (schema.type === "boolean") return "switch";
  if (schema.type === "integer" || schema.type === "number") return "number";
  if (schema.type === "string" || (Array.isArray(schema.type) && schema.type.includes("string"))) return "text";
  if (schema.type === "array" && schema.items?.type === "string") return "list";
  return "json";
}
