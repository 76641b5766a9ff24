// The functions that the rows of the table call. JavaScript's own are correct to an ulp or so; these have to be written.

const {abs, acos, acosh, asin, asinh, atan, atan2, atanh, cbrt, cos, cosh, exp, expm1, floor, log, log10, log1p, log2,
       sin, sinh, sqrt, tan, tanh} = Math;

// C's pow: 1 to any power is 1, and so is anything to the power 0; JavaScript has nan for 1 ** nan and 1 ** Infinity.
const power = (a, b) => a === 1 || (a === -1 && abs(b) === Infinity) ? 1 : a ** b;
const exp2 = a => 2 ** a;

// The high half of a number, short enough for the squares of halves to be exact (Dekker, 1971).
function high(a) {
  const c = 134217729 * a;
  return c - (c - a);
}

// The legs are scaled to the neighbourhood of 1, and the root is corrected by what the squares lost.
function hypot(a, b) {
  const [large, small] = abs(a) < abs(b) ? [abs(b), abs(a)] : [abs(a), abs(b)];
  if (abs(a) === Infinity || abs(b) === Infinity) return Infinity;
  if (a !== a || b !== b) return NaN;
  if (small === 0 || large / small > 2 ** 60) return large + small;
  const scale = large > 1e150 ? 2 ** 600 : small < 1e-150 ? 2 ** -600 : 1;
  const x = large / scale, y = small / scale, root = sqrt(x * x + y * y);
  const square = c => { const h = high(c), l = c - h; return [c * c, ((h * h - c * c) + 2 * h * l) + l * l]; };
  const [xx, xl] = square(x), [yy, yl] = square(y), [rr, rl] = square(root);
  return (root - ((rr - xx - yy) + (rl - xl - yl)) / (2 * root)) * scale;
}

// The error function and its complement by the series of the package's machine code: erf by powers of its square up to
// 0.9, erfc(x) = exp(-x²) P((x - 3) / (x + 3)) / (1 + 2x) (Shepherd and Laframboise, Mathematics of Computation 36, 1981).
const ERF = [
  -0.37612638903183754, 0.11283791670955123, -0.02686617064513016, 0.005223977625417265, -0.0008548327020511896,
  0.00012055332777073977, -1.492564130459908e-05, 1.6461850169366824e-06, -1.636068283912295e-07,
  1.4740151482218583e-08, -1.1731299732173197e-09, 6.657778392957156e-11];
const ERFC = [
  1.2530080582697296, -0.13562110612458114, -0.04756229435345084, 0.12964515870275686, -0.11927366341529652,
  0.06830802734414, -0.023770514919066194, 0.002529391812945556, 0.0018886903653138976,
  -0.0007798322393389747, -0.00010515984515844357, 0.00012509914547530692, 4.949671459859353e-06,
  -2.009973878254467e-05, -7.319407453193151e-07, 3.4702539986953465e-06, 3.573075515041016e-07,
  -6.129993909272552e-07, -1.4152102343119508e-07, 9.801222204173403e-08, 4.09887378378769e-08,
  -1.1007740382192729e-08, -7.653237249649277e-09, 3.8346921318502707e-10, 5.903589577745315e-10];
const polynomial = (x, coefficients) => coefficients.reduceRight((sum, c) => sum * x + c, 0);
const erfNearZero = x => x * (1.1283791670955126 + x * x * polynomial(x * x, ERF));
function erfcPositive(x) {
  const a = Math.min(x, 28), h = high(a), square = a * a, lost = ((h * h - square) + 2 * h * (a - h)) + (a - h) ** 2;
  return exp(-square) * (1 - lost) * (polynomial((a - 3) / (a + 3), ERFC) / (1 + 2 * a));
}
function erfc(x) {
  if (x !== x) return x;
  return x > -0.9 && x < 0.5 ? 1 - erfNearZero(x) : x < 0 ? 2 - erfcPositive(-x) : erfcPositive(x);
}
function erf(x) {
  return x !== x ? x : abs(x) < 0.9 ? erfNearZero(x) : x < 0 ? erfcPositive(-x) - 1 : 1 - erfcPositive(x);
}
