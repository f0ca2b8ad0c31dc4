package rooms;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static rooms.Times.DAY;
import static rooms.Times.at;

import java.time.Duration;
import java.time.LocalTime;
import java.util.List;
import org.junit.jupiter.api.Test;

class FreeSlotsTest {
    private final MemoryStore store = new MemoryStore();
    private final Room blue = new Room("blue", 4);
    private final FreeSlots slots = new FreeSlots(store, LocalTime.of(8, 0), LocalTime.of(18, 0));

    private void book(String id, Interval time) {
        store.put(new Booking(id, blue, time, "Ada", 1));
    }

    @Test
    void anEmptyDayIsOneGap() {
        assertEquals(List.of(at("08:00", "18:00")), slots.on(blue, DAY, Duration.ofMinutes(30)));
    }

    @Test
    void gapsBetweenBookings() {
        book("b1", at("09:00", "10:00"));
        book("b2", at("10:15", "12:00"));
        assertEquals(
                List.of(at("08:00", "09:00"), at("12:00", "18:00")), slots.on(blue, DAY, Duration.ofMinutes(30)));
    }
}
