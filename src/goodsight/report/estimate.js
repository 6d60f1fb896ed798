// How many photos of the list that are left are wrong, by the decisions on the others.
//
// The audit's chances may all be too high or too low by one factor, which is another in each set. It is thought to be
// 1, and that counts as much as one fault that was expected and came; each decision counts beside it, and photos count
// as Poisson (the gamma prior of Clayton and Kaldor 1987, Empirical Bayes Estimates of Age-standardized Relative Risks).
// So the number of faults among the others is negative binomial; there are no more of them than photos.

const EVERY = 20; // decisions from one estimate to the next
const PRIOR = 1; // expected faults
const BOUNDS = [0.05, 0.95];

const sum = (numbers) => numbers.reduce((all, one) => all + one, 0);

// The factor by which chances are multiplied, and the bounds that hold the number of faults nine times in ten.
function estimate(wrong, expected, rest) {
  const shape = PRIOR + wrong;
  const rate = PRIOR + expected;
  const share = sum(rest) / (rate + sum(rest));
  const logs = [0];
  for (let k = 0; k < rest.length; k++) logs.push(logs[k] + Math.log(((shape + k) / (k + 1)) * share));
  const most = Math.max(...logs);
  const weights = logs.map((log) => Math.exp(log - most));
  const bounds = BOUNDS.map((bound) => {
    let below = 0;
    return weights.findIndex((weight) => (below += weight) >= bound * sum(weights));
  });
  return { factor: shape / rate, bounds };
}

// The estimate in words.
//
// chances: of each photo of the list, the most suspicious first.
// verdicts: [place in that list, whether it is wrong] of each decision, in the order in which they were made.
function inWordsOfFaults(chances, verdicts) {
  const open = verdicts.length < chances.length ? verdicts.length % EVERY : 0;
  const made = verdicts.slice(0, verdicts.length - open);
  if (!made.length) return "";
  const wrong = made.filter(([, bad]) => bad).length;
  const expected = sum(made.map(([place]) => chances[place]));
  const decided = new Set(made.map(([place]) => place));
  const rest = chances.filter((_, place) => !decided.has(place));
  const were = `${wrong || "None"} of your first ${made.length} ${wrong > 1 ? "were" : "was"} wrong (about ${Math.round(expected)} expected)`;
  if (!rest.length) return `${were}. That was the whole list.`;
  const { factor, bounds: [low, high] } = estimate(wrong, expected, rest);
  const faults = high === 0 ? "none" : low === high ? `${low}` : `${low} to ${high}`;
  const left = `Of the other ${rest.length} on the list probably ${faults} will be`;
  const next = rest.slice(0, EVERY);
  const coming = Math.min(next.length, factor * sum(next));
  if (coming < 1) return `${were}. ${left}: you may stop.`;
  return `${were}. ${left}, about ${Math.round(coming)} of the next ${next.length}: go on.`;
}
