// @ts-check
// What `v1/explain` answers: whether a token would be issued, and each rule with what it does not fulfil.

import { withoutApiHint } from "./api.js";
import { element, marked } from "./dom.js";
import { table } from "./tables.js";
import { valueNode } from "./values.js";

/** @typedef {import("./api.js").Api} Api */

/** The answer as a card. @param {any} answer @param {Api} api */
export async function explanation(answer, api) {
  return element(
    "div",
    { class: "card explanation" },
    element("h3", { class: answer.issued ? "good" : "bad" }, answer.issued ? "✓ A token would be issued" : "✗ No token would be issued"),
    callerLine(answer),
    answer.error ? element("p", { class: "problem" }, withoutApiHint(answer.error.detail)) : null,
    await rulesOf(answer, api),
    authorizerNote(answer),
    answer.issued && answer.gives ? element("details", { open: true }, element("summary", {}, "What the token would give"), valueNode(answer.gives)) : null,
  );
}

/** What each rule requires, as a card below the error that says that no token is issued. @param {any} answer @param {Api} api */
export async function requirements(answer, api) {
  return element("div", { class: "card explanation" }, element("h3", {}, "What each rule requires"), callerLine(answer), await rulesOf(answer, api), authorizerNote(answer));
}

/** @param {any} answer */
function callerLine(answer) {
  return element("p", {}, "The caller is ", element("code", {}, answer.caller), ".");
}

/** @param {any} answer */
function authorizerNote(answer) {
  return answer.authorizer ? element("p", { class: "note" }, `The app's own backend ${answer.authorizer}.`) : null;
}

/** Each rule with what it does not fulfil. On the admin listener its text is beside it. @param {any} answer @param {Api} api */
async function rulesOf(answer, api) {
  const texts = api.mode === "admin" ? await ruleTexts(api) : null;
  /** @type {import("./tables.js").Column<{rule: string, unmet: string[]}>[]} */
  const columns = [
    { title: "Rule", cell: ({ rule }) => placeNode(rule) },
    { title: "Does it fit?", cell: ({ unmet }) => verdictOf(unmet) },
  ];
  if (texts) columns.push({ title: "Its text in the configuration", cell: ({ rule }) => element("code", { class: "rule" }, textAt(texts, rule)) });
  if (answer.rule_results.length) return table("The rules of this caller, in the order in which they are tried", columns, answer.rule_results);
  return answer.error?.code === "not_permitted" ? element("p", {}, "This caller has no rule, and so gets no token.") : null;
}

/** @param {string[]} unmet */
function verdictOf(unmet) {
  if (unmet.length === 0) return element("span", { class: "good" }, "✓ fits");
  return element("ul", { class: "plain" }, unmet.map((sentence) => element("li", {}, "✗ ", marked(sentence))));
}

/** A place such as `app.caller.rules[2]`, which a narrow page breaks after a dot. @param {string} place */
function placeNode(place) {
  return element("code", {}, place.split(/(?<=\.)/).flatMap((part, at) => [at ? element("wbr") : null, part]));
}

/** @param {Api} api */
async function ruleTexts(api) {
  try {
    return (await api.admin("/-/config")).apps;
  } catch {
    return null; // an application that was made without a file has none to show
  }
}

/** The value at `app.caller.rules[2]`. @param {any} apps @param {string} place */
function textAt(apps, place) {
  const found = /^(.+)\.rules\[(\d+)\]$/.exec(place);
  if (!found) return "";
  for (const [app, of] of Object.entries(apps)) {
    if (!found[1].startsWith(`${app}.`)) continue;
    const rules = /** @type {any} */ (of).callers?.[found[1].slice(app.length + 1)]?.rules;
    const listed = Array.isArray(rules) ? rules : [rules];
    const rule = listed[Number(found[2])];
    if (rule !== undefined) return JSON.stringify(rule);
  }
  return "";
}
