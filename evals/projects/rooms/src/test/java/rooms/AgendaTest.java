package rooms;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static rooms.Times.DAY;
import static rooms.Times.at;

import java.util.List;
import org.junit.jupiter.api.Test;

class AgendaTest {
    private final MemoryStore store = new MemoryStore();
    private final Room blue = new Room("blue", 4);
    private final Agenda agenda = new Agenda(store);

    @Test
    void aFreeDay() {
        assertEquals(List.of("blue, Monday, 10 March 2025", "free all day"), agenda.of(blue, DAY));
    }

    @Test
    void bookingsByTime() {
        store.put(new Booking("b1", blue, at("14:00", "15:00"), "Bob", 1));
        store.put(new Booking("b2", blue, at("09:00", "09:30"), "Ada", 1));
        assertEquals(List.of("blue, Monday, 10 March 2025", "09:00-09:30 Ada", "14:00-15:00 Bob"), agenda.of(blue, DAY));
    }
}
