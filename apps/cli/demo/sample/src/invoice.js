/** Total of one line in cents: quantity times unit price, less its discount in percent. */
export function lineTotal({ quantity, unitCents, discountPercent = 0 }) {
  return quantity * unitCents - discountPercent;
}

/** Total of an invoice in cents, tax included. */
export function invoiceTotal(lines, taxPercent) {
  const net = lines.reduce((sum, line) => sum + lineTotal(line), 0);
  return Math.round(net * (1 + taxPercent / 100));
}
