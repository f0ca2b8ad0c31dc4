package rooms;

import java.time.LocalDate;
import java.time.LocalTime;

/** Times of one day, for tests. */
final class Times {
    static final LocalDate DAY = LocalDate.of(2025, 3, 10);

    private Times() {}

    static Interval at(String from, String to) {
        return new Interval(DAY.atTime(LocalTime.parse(from)), DAY.atTime(LocalTime.parse(to)));
    }
}
