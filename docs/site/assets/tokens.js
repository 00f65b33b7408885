// Cuts text into the words that the search knows; used by the weaver, which makes the index, and by the
// page, which asks it. Both must cut alike.
//
// An identifier counts as a whole and by its parts: softmax_backward, softmax, backward. Accents and
// capitals do not count. Chinese has no spaces: there, every character is a word, and every two in a row.
globalThis.glassgrad_tokens = (text) => {
  const found = [];
  const plain = text.normalize("NFD").replace(/\p{M}/gu, "");
  for (const [run] of plain.matchAll(/\p{Script=Han}+|(?:(?!\p{Script=Han})[\p{L}\p{N}_])+/gu)) {
    if (/^\p{Script=Han}/u.test(run)) {
      const signs = [...run];
      found.push(...signs, ...signs.slice(1).map((sign, i) => signs[i] + sign));
      continue;
    }
    const whole = run.toLowerCase();
    const parts = run.split(/_+|(?<=[a-z\d])(?=[A-Z])/).map((part) => part.toLowerCase()).filter(Boolean);
    found.push(whole, ...(parts.length > 1 ? parts : []));
  }
  return found;
};
