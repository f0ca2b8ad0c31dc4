package rooms;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static rooms.Times.DAY;
import static rooms.Times.at;

import java.util.List;
import org.junit.jupiter.api.Test;

class HiddenSeriesTest {
    private final MemoryStore store = new MemoryStore();
    private final BookingService service = new BookingService(store);
    private final Room blue = new Room("blue", 4);

    @Test
    void everyWeek() {
        store.addRoom(blue);
        List<Booking> series = service.bookWeekly("blue", at("09:00", "10:00"), "Ada", 4, 26);
        assertEquals(26, series.size());
        for (int week = 0; week < 26; week++) {
            assertEquals(List.of(series.get(week)), store.bookingsOn(blue, DAY.plusWeeks(week)));
            assertEquals(DAY.plusWeeks(week), series.get(week).time().start().toLocalDate());
        }
    }

    @Test
    void allOrNothing() {
        store.addRoom(blue);
        Booking other = new Booking("other", blue, new Interval(DAY.plusWeeks(5).atTime(9, 30), DAY.plusWeeks(5).atTime(9, 45)), "Bob", 1);
        store.put(other);
        assertThrows(BookingRefused.class, () -> service.bookWeekly("blue", at("09:00", "10:00"), "Ada", 4, 8));
        for (int week = 0; week < 8; week++) {
            assertEquals(week == 5 ? List.of(other) : List.of(), store.bookingsOn(blue, DAY.plusWeeks(week)));
        }
        for (int weeks : new int[] {0, -1, 27}) {
            BookingRefused refused = assertThrows(BookingRefused.class, () -> service.bookWeekly("blue", at("09:00", "10:00"), "Ada", 4, weeks));
            assertEquals("a series has 1 to 26 weeks", refused.getMessage());
        }
    }
}
