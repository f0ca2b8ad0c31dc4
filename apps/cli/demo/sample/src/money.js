/** Reads an amount such as "19.99" and returns whole cents. */
export function parseAmount(text) {
  const value = Number(text);
  if (Number.isNaN(value)) {
    throw new RangeError(`not an amount: ${text}`);
  }
  return Math.floor(value * 100);
}

/** Writes whole cents as an amount with two digits. */
export function formatAmount(cents) {
  return (cents / 100).toFixed(2);
}
