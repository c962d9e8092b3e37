/** Elementary functions of DOUBLE, by AssemblyScript's port of musl. NaN and infinities as in Java's Math. */

export function mathSqrt(x: f64): f64 {
  return Math.sqrt(x);
}
export function mathCbrt(x: f64): f64 {
  return Math.cbrt(x);
}
export function mathExp(x: f64): f64 {
  return Math.exp(x);
}
export function mathLn(x: f64): f64 {
  return Math.log(x);
}
export function mathLog10(x: f64): f64 {
  return Math.log10(x);
}
/** LOG2 and LOG(base, x) are quotients of natural logarithms, as in Flink. */
export function mathLog2(x: f64): f64 {
  return Math.log(x) / Math.log(2);
}
export function mathLog(base: f64, x: f64): f64 {
  return Math.log(x) / Math.log(base);
}
export function mathPower(x: f64, y: f64): f64 {
  return Math.pow(x, y);
}
export function mathSin(x: f64): f64 {
  return Math.sin(x);
}
export function mathSinh(x: f64): f64 {
  return Math.sinh(x);
}
export function mathCos(x: f64): f64 {
  return Math.cos(x);
}
export function mathCosh(x: f64): f64 {
  return Math.cosh(x);
}
export function mathTan(x: f64): f64 {
  return Math.tan(x);
}
export function mathTanh(x: f64): f64 {
  return Math.tanh(x);
}
export function mathCot(x: f64): f64 {
  return 1.0 / Math.tan(x);
}
export function mathAsin(x: f64): f64 {
  return Math.asin(x);
}
export function mathAcos(x: f64): f64 {
  return Math.acos(x);
}
export function mathAtan(x: f64): f64 {
  return Math.atan(x);
}
export function mathAtan2(y: f64, x: f64): f64 {
  return Math.atan2(y, x);
}
export function mathDegrees(x: f64): f64 {
  return x * (180.0 / Math.PI);
}
export function mathRadians(x: f64): f64 {
  return x * (Math.PI / 180.0);
}
export function mathSign(x: f64): f64 {
  return x > 0 ? 1 : x < 0 ? -1 : x;
}
