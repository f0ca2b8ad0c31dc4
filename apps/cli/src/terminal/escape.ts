// Makes untrusted text safe to show: control, bidirectional and invisible characters appear as
// visible escapes, so that what a person approves is what they see.

const unsafe =
  // oxlint-disable-next-line no-control-regex, no-misleading-character-class -- naming these characters is the purpose
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|[\u{e0000}-\u{e007f}]/gu;

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
