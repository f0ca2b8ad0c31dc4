// A small web shop in TypeScript with tests, docs and a lock file.
export const shopFiles: Readonly<Record<string, string>> = {
  "package.json": JSON.stringify({ name: "shop", scripts: { test: "vitest run", build: "tsc -p ." } }),
  "pnpm-lock.yaml": "lockfileVersion: 9\n# retry backoff coupon\n",
  "AGENTS.md": "# Rules\nRun the tests before you finish.\n",
  "README.md": "# Shop\n\nA web shop with a cart and coupons. See docs/cart.md.\n",
  "docs/cart.md": "# Cart\n\nThe cart total adds the prices of all items and applies the coupon discount.\n",
  "src/cart/cart-total.ts": `import type { Item } from "./item.ts";

/** Sum of all prices. */
export function cartTotal(items: Item[]): number {
  return items.reduce((sum, item) => sum + item.price * item.quantity, 0);
}

export function applyCoupon(total: number, coupon: { percent: number }): number {
  return total - (total * coupon.percent) / 100;
}
`,
  "src/cart/cart-total.test.ts": `import { cartTotal, applyCoupon } from "./cart-total.ts";
test("cart total", () => expect(cartTotal([])).toBe(0));
test("coupon discount", () => expect(applyCoupon(100, { percent: 10 })).toBe(90));
`,
  "src/cart/item.ts": "export type Item = { price: number; quantity: number };\n",
  "src/http/retry-request.ts": `const maxAttempts = 3;

export class RetryPolicy {
  delayMs(attempt: number): number {
    return 2 ** attempt * 100;
  }
}

/** Sends a request again when the server is unavailable, with backoff. */
export async function retryRequest(send: () => Promise<Response>, policy = new RetryPolicy()): Promise<Response> {
  for (let attempt = 1; ; attempt += 1) {
    const response = await send();
    if (response.status < 500 || attempt === maxAttempts) return response;
    await new Promise((resolve) => setTimeout(resolve, policy.delayMs(attempt)));
  }
}
`,
  "src/http/server.ts": `import { cartTotal } from "../cart/cart-total.ts";
export function startServer(port: number) {
  return { port, total: cartTotal([]) };
}
`,
};
