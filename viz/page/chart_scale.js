/* chart_scale.js: round numbers along an axis, which values it spans and where they lie: viz/ticks.c and
 * viz/plot_axis.c once more. */
{
    const ROUNDS = [1, 2, 5];
    /* Values beyond are as good as infinite: sums and differences of those within stay finite. */
    const LARGEST = 1e300;
    /* A range smaller than this part of its values is none: digits end. */
    const NO_RANGE = 1e-11;

    const SUPERSCRIPTS = "\u2070\u00B9\u00B2\u00B3\u2074\u2075\u2076\u2077\u2078\u2079";

    function superscript(number) {
        return String(number).replace(/./g, (c) => (c === "-" ? "\u207B" : SUPERSCRIPTS[c]));
    }

    function withMinus(text) {
        return text.replace(/-/g, "\u2212");
    }

    /* ---- ticks ---- */

    /* The smallest round step that makes at most `most` ticks in [low, high]. */
    function linearStep(low, high, most) {
        for (let power = Math.floor(Math.log10((high - low) / most)) - 1; ; power++)
            for (const round of ROUNDS) {
                const step = Number(round + "e" + power);
                if (Math.floor(high / step) - Math.ceil(low / step) + 1 <= most)
                    return { step, decimals: Math.max(-power, 0) };
            }
    }

    function linearLabel(value, step, decimals) {
        if (value !== 0 && (decimals > 6 || Math.abs(value) >= 1e15 || (Math.abs(value) >= 1e7 && step >= 1e4))) {
            const power = Math.floor(Math.log10(Math.abs(value)) + 1e-12);
            const digits = Math.min(Math.max(power - Math.floor(Math.log10(step) + 1e-12), 0), 15);
            return withMinus((value / 10 ** power).toFixed(digits)) + "\u00D710" + superscript(power);
        }
        return withMinus(value.toFixed(value === 0 ? 0 : decimals));
    }

    function ticksLinear(low, high, most, whole) {
        if (!(high > low) || !Number.isFinite(high - low)) return [];
        let { step, decimals } = linearStep(low, high, most);
        if (whole && step < 1) [step, decimals] = [1, 0];
        const ticks = [];
        for (let i = Math.ceil(low / step); i * step <= high && ticks.length < most; i++)
            ticks.push({ value: i * step, label: linearLabel(i * step, step, decimals) });
        return ticks;
    }

    /* Powers of base, of which those up to base^plain are written in digits. */
    function powers(base, plain, low, high, most) {
        const per = Math.log2(base);
        const first = Math.ceil(Math.log2(low) / per - 1e-9), last = Math.floor(Math.log2(high) / per + 1e-9);
        const every = Math.floor((last - first) / most) + 1, ticks = [];
        for (let power = last; power >= first; power -= every) {
            const label = power >= 0 && power <= plain ? String(base ** power) : base + superscript(power);
            ticks.push({ value: base ** power, label });
        }
        return ticks;
    }

    function ticksLog(low, high, most) {
        const coarse = powers(10, 4, low, high, most), finer = [];
        if (coarse.length >= 3 || Math.log10(high / low) > 4) return coarse;
        for (let power = Math.floor(Math.log10(low)); power <= Math.floor(Math.log10(high)); power++)
            for (const round of ROUNDS) {
                const value = Number(round + "e" + power);
                if (value >= low * (1 - 1e-9) && value <= high * (1 + 1e-9)) finer.push({ value, label: String(value) });
            }
        return finer.length > coarse.length && finer.length <= most ? finer : coarse;
    }

    function numberTicks(axis, most) {
        const low = valueOf(axis.asked, axis.low), high = valueOf(axis.asked, axis.high);
        let ticks = [];
        if (axis.asked.scale === "log10") ticks = ticksLog(low, high, most);
        if (axis.asked.scale === "log2") ticks = powers(2, 16, low, high, most);
        if (ticks.length >= 3) return ticks;
        const plain = ticksLinear(low, high, most, axis.asked.whole); /* a narrow range reads like a linear one */
        return plain.length > ticks.length ? plain : ticks;
    }

    /* ---- axes ---- */

    /* Whether an axis can show a value: null and NaN are not known. */
    function holds(asked, value) {
        if (typeof value !== "number" || !Number.isFinite(value) || Math.abs(value) > LARGEST) return false;
        if (asked.labels) return value >= -0.5 && value <= asked.labels.length - 0.5;
        return isLinear(asked) || value > 1 / LARGEST;
    }

    function isLinear(asked) {
        return Boolean(asked.labels) || (asked.scale !== "log10" && asked.scale !== "log2");
    }

    function measure(asked, value) {
        if (isLinear(asked)) return value;
        return asked.scale === "log10" ? Math.log10(value) : Math.log2(value);
    }

    function valueOf(asked, measured) {
        if (isLinear(asked)) return measured;
        return asked.scale === "log10" ? 10 ** measured : 2 ** measured;
    }

    function spanLinear(low, high, zero, room) {
        if (low > high) [low, high] = [0, 1];
        if (zero) [low, high] = [Math.min(low, 0), Math.max(high, 0)];
        let span = high - low;
        const size = Math.max(Math.abs(low), Math.abs(high));
        if (span <= NO_RANGE * size || span === 0) {
            span = size > 0 ? 0.1 * size : 1;
            if (!(zero && low === 0)) low -= span;
            if (!(zero && high === 0) || low === high) high += span;
        }
        return [zero && low === 0 ? 0 : low - room * span, zero && high === 0 ? 0 : high + room * span];
    }

    /* The axis, as asked for, that shows low .. high (measures; low > high: nothing) and some room. */
    function span(asked, low, high, zero, room) {
        if (asked.labels) return { asked, low: -0.5, high: Math.max(asked.labels.length, 1) - 0.5 };
        if (isLinear(asked)) {
            [low, high] = spanLinear(low, high, zero || asked.fromZero, room);
            return { asked, low, high };
        }
        if (low > high) [low, high] = [0, 1];
        const least = asked.scale === "log10" ? 0.2 : 1, missing = Math.max(least - (high - low), 0) / 2;
        return { asked, low: low - missing - room * (high - low), high: high + missing + room * (high - low) };
    }

    /* Where a measure lies between from and to. */
    function place(axis, measured, from, to) {
        const share = (measured - axis.low) / (axis.high - axis.low);
        return from + Math.min(Math.max(share, 0), 1) * (to - from);
    }

    page.scale = { holds, isLinear, measure, numberTicks, place, span };
}
