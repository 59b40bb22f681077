// @ts-check
// Requests of the console: to the public API of an app, and to the admin API. Credentials live in variables of this page alone.

import { setClock } from "./times.js";

/** @typedef {{apiKey?: string, bearer?: string, urlKey?: string}} Credential `urlKey`: the key or signed text in the path of a URL */
/** @typedef {{name: string, path: string | null, host: string | null, url: string | null, native: boolean, console: boolean}} App */

/** Milliseconds after which the public API counts as one that does not answer. */
const PATIENCE = 30000;

/** The server's answer to a request that failed, in its own words. */
export class ApiFailure extends Error {
  /** @param {string} message @param {{status?: number, code?: string, field?: string, requestId?: string, retryAfter?: number, content?: any}} [more] */
  constructor(message, more = {}) {
    super(message);
    this.name = "ApiFailure";
    this.status = more.status ?? 0;
    this.code = more.code;
    this.field = more.field;
    this.requestId = more.requestId;
    this.retryAfter = more.retryAfter;
    this.content = more.content;
  }
}

/** Whose console this page is: an app's, the admin listener's, or that of `tokend console`. @returns {"app" | "admin" | "remote"} */
export function modeOfPage() {
  const mode = document.documentElement.dataset.mode;
  return mode === "admin" || mode === "remote" ? mode : "app";
}

/** The requests of a console. */
export class Api {
  #adminKey = "";
  /** @type {App | null} */
  #app = null;

  /** @param {"app" | "admin" | "remote"} mode */
  constructor(mode) {
    this.mode = mode;
  }

  /** The key of the admin listener, for all requests from now on. @param {string} key */
  useAdminKey(key) {
    this.#adminKey = key;
  }

  /** The app whose public API is used, on the admin listener. @param {App} app */
  useApp(app) {
    this.#app = app;
  }

  /** The URL of the app's public API, without a slash at the end: for code that users copy. @returns {string} */
  get publicUrl() {
    if (this.mode === "app") return location.origin + this.#base().replace(/\/$/, "");
    return (this.mode === "admin" ? this.#app?.url : document.documentElement.dataset.url) ?? "";
  }

  #base() {
    if (this.mode === "app") return location.pathname.replace(/console\/?$/, "");
    return this.mode === "admin" ? `/-/public/${encodeURIComponent(this.#app?.name ?? "")}/` : "/-/public/";
  }

  /**
   * A request to the public API.
   * @param {string} path such as `v1/token`
   * @param {{method?: string, body?: unknown, credential?: Credential}} [options]
   * @returns {Promise<any>}
   */
  call(path, { method = "POST", body, credential = {} } = {}) {
    /** @type {Record<string, string>} */
    const headers = {};
    if (credential.apiKey) headers["X-API-Key"] = credential.apiKey;
    if (credential.bearer) headers[this.mode === "app" ? "Authorization" : "X-Caller-Authorization"] = `Bearer ${credential.bearer}`;
    const base = this.#base();
    let url = base + path;
    if (credential.urlKey && this.mode === "app") url = `${base.replace(/\/k\/[^/]+\/$/, "/")}k/${encodeURIComponent(credential.urlKey)}/${path}`;
    else if (credential.urlKey) headers["X-Caller-URL-Key"] = credential.urlKey; // our side puts it into the path
    return this.#send(url, method, headers, body, AbortSignal.timeout(PATIENCE));
  }

  /**
   * A request to the admin API.
   * @param {string} path such as `/-/config`
   * @param {{method?: string, body?: unknown}} [options]
   * @returns {Promise<any>}
   */
  admin(path, { method = "GET", body } = {}) {
    return this.#send(path, method, {}, body);
  }

  /** @param {string} url @param {string} method @param {Record<string, string>} headers @param {unknown} body @param {AbortSignal} [signal] */
  async #send(url, method, headers, body, signal) {
    if (this.mode === "admin" && this.#adminKey) headers.Authorization = `Bearer ${this.#adminKey}`;
    headers["X-Tokend-Console"] = "1";
    if (body !== undefined) headers["Content-Type"] = "application/json";
    if (Object.values(headers).some((value) => !/^[ -~]*$/.test(value))) throw new ApiFailure("The key or JWT has a character that none has: copy it again.");
    let response, text;
    try {
      response = await fetch(url, {
        method,
        headers,
        body: body === undefined ? undefined : JSON.stringify(body),
        cache: "no-store",
        credentials: "omit",
        referrerPolicy: "no-referrer",
        signal,
      });
      text = await response.text();
    } catch {
      throw new ApiFailure("The server does not answer. Is it running, and is this machine online?");
    }
    setClock(response.headers.get("Date"));
    let content = null;
    try {
      content = JSON.parse(text);
    } catch {
      // the sentence below says what came
    }
    if (!response.ok || content === null) throw failureOf(response, content);
    return content;
  }
}

/**
 * A sentence of the server without the part that names an address of the API: the console shows what is there.
 * @param {string} sentence
 */
export function withoutApiHint(sentence) {
  return sentence.replace(/; v1\/explain .*$/, "");
}

/** @param {Response} response @param {any} content */
function failureOf(response, content) {
  const sentence = content?.detail ?? content?.error;
  const message = typeof sentence === "string" ? withoutApiHint(sentence) : `The server answered with status ${response.status}, and nothing that this page can read.`;
  return new ApiFailure(message, {
    status: response.status,
    content,
    code: content?.code,
    field: content?.field,
    requestId: content?.request_id ?? response.headers.get("X-Request-ID") ?? undefined,
    retryAfter: content?.retry_after ?? (Number(response.headers.get("Retry-After")) || undefined),
  });
}
