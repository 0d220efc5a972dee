"""CTC, the slow and obvious way: every alignment, every word sequence, every n-gram by hand."""

import itertools
import math


def log_softmax(logits):
    """Return rows of natural log-probabilities as lists of float64."""
    rows = []
    for row in logits.astype(float).tolist():
        largest = max(row)
        total = largest + math.log(sum(math.exp(value - largest) for value in row))
        rows.append([value - total for value in row])
    return rows


def collapse(path, blank_id):
    """Merge runs and drop blanks: the map B of Graves et al. (2006)."""
    return tuple(token for token, _ in itertools.groupby(path) if token != blank_id)


def prefix_probabilities(logits, blank_id):
    """Return {token sequence: probability}, summed over all vocabulary ** frames alignments."""
    rows = log_softmax(logits)
    result = {}
    for path in itertools.product(range(logits.shape[1]), repeat=len(rows)):
        log_prob = sum(row[token] for row, token in zip(rows, path, strict=True))
        tokens = collapse(path, blank_id)
        result[tokens] = result.get(tokens, 0.0) + math.exp(log_prob)
    return result


def best_alignment(logits, blank_id, tokens):
    """Return the log-probability of the best of all alignments of `tokens`."""
    rows = log_softmax(logits)
    paths = itertools.product(range(logits.shape[1]), repeat=len(rows))
    return max(
        sum(row[token] for row, token in zip(rows, path, strict=True))
        for path in paths
        if collapse(path, blank_id) == tuple(tokens)
    )


def segmentations(tokens, lexicon, separator_id=None):
    """Return every way to cut `tokens` into words of `lexicon`, pairs (word, spelling)."""
    if separator_id is not None:
        pieces = [
            tuple(group)
            for is_separator, group in itertools.groupby(tokens, lambda t: t == separator_id)
            if not is_separator
        ]
        choices = [[word for word, spelling in lexicon if spelling == piece] for piece in pieces]
        return set(itertools.product(*choices))
    if not tokens:
        return {()}
    return {
        (word, *rest)
        for word, spelling in lexicon
        if tokens[: len(spelling)] == spelling
        for rest in segmentations(tokens[len(spelling) :], lexicon)
    }


def best_sentence(logits, blank_id, lexicon, score_words, separator_id=None):
    """Return (score, words) of the best word sequence, one spelling of it at a time."""
    best = (-math.inf, ())
    for tokens, probability in prefix_probabilities(logits, blank_id).items():
        if probability <= 0:
            continue
        for words in segmentations(tokens, lexicon, separator_id):
            best = max(best, (math.log(probability) + score_words(words), words))
    return best


def read_arpa(text):
    """Return {n-gram: (log10 probability, log10 back-off)}."""
    ngrams, order = {}, 0
    for line in text.splitlines():
        fields = line.split()
        if line.startswith("\\") and line.endswith("-grams:"):
            order = int(line[1:-7])
        elif order and fields and not line.startswith("\\"):
            backoff = float(fields[order + 1]) if len(fields) > order + 1 else 0.0
            ngrams[tuple(fields[1 : order + 1])] = (float(fields[0]), backoff)
    return ngrams


def ngram_log10(ngrams, context, word):
    """Return log10 P(word | context) by the definition of back-off."""
    if (*context, word) in ngrams:
        return ngrams[(*context, word)][0]
    if not context:
        return -100.0
    return ngrams.get(context, (0.0, 0.0))[1] + ngram_log10(ngrams, context[1:], word)


def sentence_log_prob(ngrams, words):
    """Return the natural log-probability of a sentence between <s> and </s>."""
    order = max(map(len, ngrams))
    known = [word if (word,) in ngrams else "<unk>" for word in words]
    history, total = ("<s>",), 0.0
    for word in (*known, "</s>"):
        context = history[-(order - 1) :] if order > 1 else ()
        total += ngram_log10(ngrams, context, word)
        history = (*history, word)
    return total * math.log(10)


def spelled_words(tokens, pieces, separator_id=None):
    """Return the words that tokens spell; U+2581 begins one where there is no separator."""
    text = ""
    for token in tokens:
        if separator_id is not None:
            text += " " if token == separator_id else pieces[token]
        else:
            text += pieces[token].replace("\u2581", " ")
    return tuple(text.split())


def sentence_probabilities(logits, blank_id, pieces, separator_id=None):
    """Return {words: probability}, summed over all alignments of all spellings."""
    result = {}
    for tokens, probability in prefix_probabilities(logits, blank_id).items():
        words = spelled_words(tokens, pieces, separator_id)
        result[words] = result.get(words, 0.0) + probability
    return result
