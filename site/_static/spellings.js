// The search's own words: what people type, as this course writes it. Sphinx asks `splitQuery` for the words of a query.
var SPELLINGS = [
  [/\b(over|under)[ -]?fit/g, "$1-fit"],
  [/\b(up|down)[ -]sampl/g, "$1sampl"],
  [/([a-z]{3,})is(ation|ing|e|ed)\b/g, function (word, stem, end) { return BRITISH.test(stem) ? stem + "iz" + end : word; }],
  [/\bcolour/g, "color"], [/\bgrey/g, "gray"], [/\bcentre/g, "center"], [/\b(label|cancel|travel)l(ed|ing)\b/g, "$1$2"],
  [/\bcross[ -]?entropy/g, "cross-entropy"], [/\b(back)[ -]?prop(agation|agate)?\b/g, "gradient"], [/\bdata ?set(s?)\b/g, "data set$1"],
  [/\bu ?-?net\b/g, "U-Net"], [/\bbatch ?norm\b/g, "batch normalization"], [/\bmax[ -]?pool/g, "pool"], [/\blr\b/g, "learning rate"],
  [/\bjaccard\b/g, "IoU"], [/\bf1[ -]?score\b/g, "F1"], [/\bground[ -]truth\b/g, "truth"], [/\b(gpus)\b/g, "GPU"], [/\bhyper[ -]?parameter/g, "setting"],
];
var BRITISH = /(normal|organ|regular|initial|general|visual|optim|minim|maxim|standard|binar|synchron|local|recogn|serial|real|summar|quant)$/;
var splitQuery = function (query) {
  var asked = SPELLINGS.reduce(function (text, pair) { return text.replace(pair[0], pair[1]); }, query.toLowerCase());
  return asked.split(/[^\p{Letter}\p{Number}_\p{Emoji_Presentation}]+/gu).filter(Boolean);
};
