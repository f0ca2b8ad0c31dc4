// Makes untrusted text safe to show: control, bidirectional, invisible and look-alike characters
// appear as visible escapes, so that what a person approves is what they see.

const unsafe =
  // oxlint-disable-next-line no-control-regex, no-misleading-character-class -- naming these characters is the purpose
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u2800\u3164\ud800-\udfff\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb]|[\u{1bca0}-\u{1bca3}\u{1d173}-\u{1d17a}\u{e0000}-\u{e01ef}]/gu;

function visible(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  return code <= 0xff ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u{${code.toString(16)}}`;
}

/** Keeps line feeds and tabs; everything else that does not print is written out. */
export function escapeText(text: string): string {
  return text.replaceAll(unsafe, visible);
}

/** One line: line feeds and tabs are written out as well. */
export function escapeLine(text: string): string {
  return escapeText(text).replaceAll("\n", "\\n").replaceAll("\t", "\\t");
}

/** A goal on one line: how a person broke it into lines says nothing. */
export function goalLine(goal: string): string {
  return escapeLine(goal.trim().replaceAll(/\s*\n\s*/gu, " "));
}

/** Letters of other scripts that are drawn like Latin ones. */
const lookAlikes = new Set("асеһіјорѕхуԁԛԝӏАВСЕНІЈКМОРЅТХУԌοανιρυκΑΒΕΖΗΙΚΜΝΟΡΤΥΧѵգօսһոցհ");

/** Full-width, mathematical and letter-like forms of Latin letters. */
const forms = /[\uff01-\uff5e\u2100-\u214f]|[\u{1d400}-\u{1d7ff}]/u;

// These two take their time to be made, and few commands need them: they are made where they are used.
const isForeign = (letter: string) =>
  /\p{Script=Cyrillic}|\p{Script=Greek}|\p{Script=Armenian}|\p{Script=Cherokee}/u.test(letter);

/** Replaces every word of a text. */
function mapWords(text: string, change: (word: string) => string): string {
  return text.replaceAll(/[\p{L}\p{M}\p{N}_\uff01-\uff5e]+/gu, change);
}

/** Mixed scripts deceive; with `isStrict` so does a word of which all could be read as Latin. */
function escapeWord(word: string, isStrict: boolean): string {
  const letters = Array.from(word);
  const isMixed = /[A-Za-z]/.test(word) && letters.some(isForeign);
  const isDisguised = isStrict && letters.every((letter) => lookAlikes.has(letter));
  const deceives = (letter: string) => forms.test(letter) || ((isMixed || isDisguised) && isForeign(letter));
  return letters.map((letter) => (deceives(letter) ? visible(letter) : letter)).join("");
}

/** For text that is already escaped: letters that pretend to be others beside them are written out. */
export function escapeLookAlikes(text: string): string {
  return mapWords(text, (word) => escapeWord(word, false));
}

/** One line of something that is decided on: a command, a path, a host. No word of it may pretend. */
export function escapeExact(text: string): string {
  return mapWords(escapeLine(text), (word) => escapeWord(word, true));
}
