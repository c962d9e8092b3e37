/**
 * java.util.SplittableRandom (SplitMix64), draw for draw, without BigInt.
 *
 * Flow:    nexmark/event-generator and its tables draw from here.
 * Shapes:  the 64-bit state and every product are kept as two 32-bit halves; 64-bit products come from
 *          16-bit partial products, all of which stay below 2^32.
 * Source:  Java's SplittableRandom with the golden gamma (a root generator, never split).
 */

const GAMMA_HI = 0x9e3779b9 | 0;
const GAMMA_LO = 0x7f4a7c15 | 0;
// Stafford's variant 4 makes ints, variant 13 makes longs.
const INT1_HI = 0x62a9d9ed;
const INT1_LO = 0x799705f5;
const INT2_HI = 0xcb24d0a5 | 0;
const INT2_LO = 0xc88c35b3 | 0;
const LONG1_HI = 0xbf58476d | 0;
const LONG1_LO = 0x1ce4e5b9;
const LONG2_HI = 0x94d049bb | 0;
const LONG2_LO = 0x133111eb;

export class SplittableRandom {
  /** [state high, state low] */
  private readonly state = new Int32Array(2);

  constructor(seed: number) {
    this.state[0] = Math.floor(seed / 2 ** 32) | 0;
    this.state[1] = seed | 0;
  }

  nextInt(): number {
    this.advance();
    let hi = this.state[0]!;
    let lo = this.state[1]! ^ (hi >>> 1);
    const productLo = Math.imul(lo, INT1_LO);
    hi = (multiplyHigh(lo, INT1_LO) + Math.imul(hi, INT1_LO) + Math.imul(lo, INT1_HI)) | 0;
    lo = productLo ^ ((productLo >>> 28) | (hi << 4));
    hi ^= hi >>> 28;
    return (multiplyHigh(lo, INT2_LO) + Math.imul(hi, INT2_LO) + Math.imul(lo, INT2_HI)) | 0;
  }

  /** Uniform in [0, bound); one draw, or more where Java rejects one. */
  nextBelow(bound: number): number {
    const mask = bound - 1;
    let r = this.nextInt();
    if ((bound & mask) === 0) return r & mask;
    let u = r >>> 1;
    r = u % bound;
    while (u + mask - r > 0x7fffffff) {
      u = this.nextInt() >>> 1;
      r = u % bound;
    }
    return r;
  }

  /** Uniform in [0, 1): the upper 53 bits of one nextLong. */
  nextDouble(): number {
    this.advance();
    let hi = this.state[0]!;
    let lo = this.state[1]!;
    lo ^= (lo >>> 30) | (hi << 2);
    hi ^= hi >>> 30;
    let product = Math.imul(lo, LONG1_LO);
    hi = (multiplyHigh(lo, LONG1_LO) + Math.imul(hi, LONG1_LO) + Math.imul(lo, LONG1_HI)) | 0;
    lo = product ^ ((product >>> 27) | (hi << 5));
    hi ^= hi >>> 27;
    product = Math.imul(lo, LONG2_LO);
    hi = (multiplyHigh(lo, LONG2_LO) + Math.imul(hi, LONG2_LO) + Math.imul(lo, LONG2_HI)) | 0;
    lo = product ^ ((product >>> 31) | (hi << 1));
    hi ^= hi >>> 31;
    return ((hi >>> 0) * 2 ** 21 + (lo >>> 11)) * 2 ** -53;
  }

  private advance(): void {
    const lo = (this.state[1]! + GAMMA_LO) | 0;
    const carry = lo >>> 0 < GAMMA_LO >>> 0 ? 1 : 0;
    this.state[1] = lo;
    this.state[0] = this.state[0]! + GAMMA_HI + carry;
  }
}

/** The upper 32 bits of the unsigned product. */
function multiplyHigh(a: number, b: number): number {
  const aLo = a & 0xffff;
  const aHi = a >>> 16;
  const bLo = b & 0xffff;
  const bHi = b >>> 16;
  const middle = (Math.imul(aHi, bLo) + (Math.imul(aLo, bLo) >>> 16)) >>> 0;
  const cross = (Math.imul(aLo, bHi) + (middle & 0xffff)) >>> 0;
  return (Math.imul(aHi, bHi) + (middle >>> 16) + (cross >>> 16)) | 0;
}
